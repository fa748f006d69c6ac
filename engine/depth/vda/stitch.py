"""How consecutive windows of a clip become one: a common scale and shift, and a cross-fade.

Source: depth.md §3 of the design; video_depth.py and utils/dc_utils.py upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.depth.vda.architecture import WINDOW

STRIDE = 22  # frames from one window to the next
KEY_SLOTS = (0, 12, 24, 25, 26, 27, 28, 29, 30, 31)
"""Slots of a window whose frames open the next window: the stream's first frame for ever, one in
the middle, and the last eight."""

FADE = 8  # frames in which one window gives way to the next
_ANCHORS = (0, 12)  # slots whose depth the next window is aligned to: its slots 0 and 1
_FADE_SLOT = 2  # where the next window has the frames of the last FADE slots of this one


def scale_shift(
    prediction: Tensor, target: Tensor, *, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Return scale and shift that bring `prediction` closest to `target` in least squares.

    dtype  of the sums. Upstream sums in float32, whose determinant cancels: 1e-3 of scale is lost

    A constant prediction gives (1, 0). Both tensors have one shape; nothing is masked.
    """
    prediction, target = prediction.to(dtype), target.to(dtype)
    squares, total = (prediction * prediction).sum(), prediction.sum()
    products, wanted = (prediction * target).sum(), target.sum()
    count = prediction.numel()
    determinant = squares * count - total * total
    safe = torch.where(determinant == 0, 1, determinant)
    scale = (count * products - total * wanted) / safe
    shift = (squares * wanted - total * products) / safe
    singular = determinant == 0
    return torch.where(singular, 1, scale), torch.where(singular, 0, shift)


def cross_fade(before: Tensor, after: Tensor) -> Tensor:
    """Blend two views of the same frames [n, H, W], from all of `before` to all of `after`."""
    share = torch.linspace(0, 1, len(before), dtype=before.dtype, device=before.device)
    share = share.view(-1, 1, 1)
    return before * (1 - share) + after * share


@dataclass
class Stitcher:
    """Align each window to the one before it and hand out finished maps, one at a time.

    metric  True: depth has a scale already, so windows are only cross-faded
    dtype   of the sums of `scale_shift`
    """

    metric: bool = False
    dtype: torch.dtype = torch.float64
    _anchors: Tensor | None = None
    _tail: Tensor | None = None

    def add(self, depth_of: Callable[[int], Tensor]) -> Iterator[Tensor]:
        """Yield the maps [H, W] that the next window finishes.

        depth_of  from a slot in 0…31 to the window's depth [H, W]; called when a map is due, so
                  that a window never lies in memory at frame size
        """
        aligned = depth_of
        if self._anchors is None or self._tail is None:
            first = depth_of(_ANCHORS[0])
            begin = 0
        else:
            aligned = self._aligned(depth_of, self._anchors)
            first = self._anchors[0]
            slots = range(_FADE_SLOT, _FADE_SLOT + FADE)
            yield from cross_fade(self._tail, torch.stack([aligned(slot) for slot in slots]))
            begin = _FADE_SLOT + FADE
        self._anchors = torch.stack((first, aligned(_ANCHORS[1])))
        yield from (aligned(slot) for slot in range(begin, WINDOW - FADE))
        self._tail = torch.stack([aligned(slot) for slot in range(WINDOW - FADE, WINDOW)])

    def finish(self) -> Iterator[Tensor]:
        """Yield the maps that would have been cross-faded with a next window."""
        if self._tail is not None:
            yield from self._tail

    def _aligned(
        self, depth_of: Callable[[int], Tensor], anchors: Tensor
    ) -> Callable[[int], Tensor]:
        if self.metric:
            return depth_of
        same_frames = torch.stack((depth_of(0), depth_of(1)))
        scale, shift = scale_shift(same_frames, anchors, dtype=self.dtype)
        scale, shift = scale.to(anchors.dtype), shift.to(anchors.dtype)
        return lambda slot: (depth_of(slot) * scale + shift).clamp_min(0)
