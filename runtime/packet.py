"""The coded picture, and the coded sound, that travel between encoders, sinks and viewers.

Imports nothing but the standard library, so that processes without torch can use it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Packet:
    """The coded bytes of one picture (an access unit).

    data         H.264 Annex-B with its parameter sets before every key picture, or one JPEG
    pts_ns       presentation time in the source's own clock, nanoseconds
    is_keyframe  True when nothing before it is needed to decode it
    """

    data: bytes
    pts_ns: int
    is_keyframe: bool


@dataclass(frozen=True)
class SoundPacket:
    """One packet of Opus (RFC 6716): a few milliseconds of sound at 48 kHz.

    pts_ns    time of the first sample that is to be heard, on the time line of the pictures
    samples   of each channel, with those that are not to be heard; 1 to 5760
    channels  1 or 2
    pre_skip  samples at its beginning that only bring the decoder up to speed
    is_discontinuous  what came before it is not what belongs before it
    """

    data: bytes
    pts_ns: int
    samples: int
    channels: int
    pre_skip: int = 0
    is_discontinuous: bool = False

    @property
    def duration_ns(self) -> int:
        """How long it is heard."""
        return (self.samples - self.pre_skip) * 1_000_000_000 // 48_000
