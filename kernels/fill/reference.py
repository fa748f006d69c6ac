"""The hole fill in plain PyTorch: the definition that the native and CUDA kernels agree with."""

from __future__ import annotations

import torch
from torch import Tensor


def fill_holes(view: Tensor, holes: Tensor, disparity: Tensor, narrow_px: int) -> Tensor:
    """Fill as `stereocast.kernels.fill.fill_holes` says; shapes and dtypes as there."""
    width = holes.shape[1]
    column = torch.arange(width, device=view.device).expand(holes.shape)
    # The nearest column with colour at or before, and at or after, every pixel; -1 and W: none.
    left = torch.where(holes, -1, column).cummax(1).values
    right = torch.where(holes, width, column).flip(1).cummin(1).values.flip(1)
    has_left, has_right = left >= 0, right < width
    left_index, right_index = left.clamp_min(0), right.clamp_max(width - 1)
    left_depth = disparity.gather(1, left_index)
    right_depth = disparity.gather(1, right_index)
    first = view.gather(2, left_index.expand(view.shape))
    second = view.gather(2, right_index.expand(view.shape))

    gap = right - left  # one more than the run is wide
    both = has_left & has_right
    blend = both & ((gap - 1 <= narrow_px) | (left_depth == right_depth))
    take_left = has_left & (~has_right | (left_depth < right_depth))
    take_right = has_right & ~take_left
    filled = torch.where(take_left, first, torch.where(take_right, second, view))
    filled = torch.where(blend, _mix(first, second, column - left, gap), filled)
    return torch.where(holes, filled, view)


def _mix(first: Tensor, second: Tensor, position: Tensor, gap: Tensor) -> Tensor:
    """Return the value `position` steps of `gap` on the way from `first` to `second`."""
    gap = gap.clamp_min(1)
    if first.dtype == torch.uint8:
        total = first.int() * (gap - position) + second.int() * position
        return ((total + gap // 2) // gap).to(torch.uint8)
    share = position.float() / gap.float()
    return first + share * (second - first)
