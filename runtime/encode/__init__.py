"""How packed pictures are compressed: the contract of an encoder and what it produces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stereocast.runtime.packet import Packet

if TYPE_CHECKING:  # a viewer reads this contract without torch
    from stereocast.engine.frame import StereoFrame

__all__ = ["Encoder", "Packet"]


class Encoder(Protocol):
    """A live encoder: one picture in, one packet out, no delay.

    codec         "h264" or "mjpeg"
    codec_string  the RFC 6381 name a browser wants: avc1.PPCCLL from the real SPS; "mjpeg" for JPEG
    """

    codec: str
    codec_string: str

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        """Compress one picture; `keyframe` forces one that needs nothing before it."""

    def close(self) -> None:
        """Free the encoder. May be called twice."""
