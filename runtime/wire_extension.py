"""What may follow a FRAME's payload: when its stages were done, what is known of it, its depth.

The extension is one optional msgpack map with the keys `stamps`, `facts` and `depth`; others are
ignored. FRAME itself is in runtime/wire.py; import everything from there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from stereocast.runtime.wire_fields import (
    Message,
    WireError,
    blob,
    mapping,
    optional,
    part,
    real,
    whole,
)
from stereocast.runtime.wire_messages import MAX_TIME_NS

MAX_STAMPS = 64
MAX_FACTS = 32
MAX_DEPTH_SIDE = 640
MAX_DEPTH_CELLS = 640 * 360
MAX_EXTENSION_BYTES = MAX_DEPTH_CELLS + 8192

_LARGEST = sys.float_info.max


@dataclass(frozen=True, kw_only=True)
class DepthMap(Message):
    """A small picture of a frame's depth: w·h bytes row by row, from 0 far to 255 near."""

    TYPE: ClassVar[bytes] = b""
    w: int = field(metadata=whole(1, MAX_DEPTH_SIDE))
    h: int = field(metadata=whole(1, MAX_DEPTH_SIDE))
    data: bytes = field(metadata=blob(MAX_DEPTH_CELLS))

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.data) != self.w * self.h:
            raise WireError(f"DEPTHMAP: {self.w}×{self.h} comes with {len(self.data)} bytes")


@dataclass(frozen=True, kw_only=True)
class Extension(Message):
    """All that a FRAME may carry beside its coded bytes; what is empty does not travel.

    stamps  monotonic nanoseconds of the server by stage name, for latency tables
    facts   finite numbers by name: `position_s`, `depth_near` and so on; any may be missing
    depth   only for viewers that asked for it
    """

    TYPE: ClassVar[bytes] = b""
    stamps: Mapping[str, int] = field(
        default_factory=dict, metadata=mapping(whole(0, MAX_TIME_NS), MAX_STAMPS)
    )
    facts: Mapping[str, float] = field(
        default_factory=dict, metadata=mapping(real(-_LARGEST, _LARGEST), MAX_FACTS)
    )
    depth: DepthMap | None = field(default=None, metadata=optional(part(DepthMap)))

    def to_map(self) -> dict[str, object]:
        """Return what travels: an empty map where the frame needs no extension."""
        values = {name: value for name, value in super().to_map().items() if value}
        if self.depth is not None:
            values["depth"] = self.depth.to_map()
        return values
