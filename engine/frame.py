"""One picture in, one picture out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from stereocast.engine.layout import Layout


@dataclass(frozen=True)
class Frame:
    """One decoded picture.

    rgb     [3, H, W] uint8, BT.709 primaries, full range, upright, square pixels
    pts_ns  presentation time in the source's own clock, nanoseconds
    index   number of the picture in its source, from 0; gaps are dropped pictures
    """

    rgb: Tensor
    pts_ns: int
    index: int


@dataclass(frozen=True)
class StereoFrame:
    """Both eyes packed for the encoder, or what the layout makes of them.

    surface  [H·3/2, W] uint8, I420: H rows of luma, then the two chroma planes of (H/2)·(W/2) bytes
             one after the other; BT.709 limited range; H and W are the even packed size
    layout   where each eye is
    pts_ns, index  those of the Frame it was made from
    depth    float32 [H, W], what the eyes were made with, at the Frame's size and owned by nobody
             else; None unless it was asked for. What its numbers mean, `Session.depth_output` says
    facts    what is known of the frame, by name; see `Session.step`
    thumbnail  u8 [h, w], the depth as a small grey picture, 255 near; None unless asked for
    """

    surface: Tensor
    layout: Layout
    pts_ns: int
    index: int
    depth: Tensor | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    thumbnail: Tensor | None = None

    @property
    def height(self) -> int:
        """Rows of the packed picture."""
        return self.surface.shape[0] * 2 // 3

    @property
    def width(self) -> int:
        """Columns of the packed picture."""
        return self.surface.shape[1]
