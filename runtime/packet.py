"""The coded picture that travels between encoders, sinks and viewers.

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
