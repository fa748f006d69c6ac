"""How packed pictures are compressed: the contract of an encoder and what it produces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stereocast.engine.frame import StereoFrame


@dataclass(frozen=True)
class Packet:
    """The coded bytes of one picture (an access unit)."""

    data: bytes
    pts_ns: int
    is_keyframe: bool


class Encoder(Protocol):
    """A live encoder: one picture in, one packet out, no delay.

    codec         "h264" or "mjpeg"
    codec_string  the RFC 6381 name a browser wants (avc1.PPCCLL from the real SPS), "mjpeg" for JPEG
    """

    codec: str
    codec_string: str

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        """Compress one picture; `keyframe` forces one that needs nothing before it."""

    def close(self) -> None:
        """Free the encoder. May be called twice."""
