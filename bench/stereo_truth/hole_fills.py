"""Row-wise fills of holes: from the nearer side, from the right, or from the background.

Written to be plain: baselines, not the product's fill (that is stereocast.kernels.fill).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d


def sides(holes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the columns of the next filled pixel to the left and to the right, int64 [H, W].

    holes  bool [H, W]; −1 and W stand for nothing on that side
    """
    width = holes.shape[1]
    columns = torch.arange(width).expand(holes.shape)
    left = torch.where(holes, -1, columns).cummax(dim=1).values
    right = torch.where(holes, width, columns).flip(1).cummin(dim=1).values.flip(1)
    return left, right


def fill_from_right(view: Tensor, holes: Tensor, *, reach_px: int | None = None) -> Tensor:
    """Return `view` with holes filled from the next pixel to the right, at the frame from the left.

    reach_px  leave holes open whose source is farther away than this; None: no limit
    """
    left, right = sides(holes)
    return _filled(view, holes, left, right, right < holes.shape[1], reach_px)


def fill_from_background(view: Tensor, holes: Tensor, disparity: Tensor) -> Tensor:
    """Return `view` with holes filled from the side with the smaller disparity, ties right."""
    left, right = sides(holes)
    width = holes.shape[1]
    left_depth = disparity.gather(1, left.clamp_min(0)).masked_fill(left < 0, torch.inf)
    right_depth = disparity.gather(1, right.clamp_max(width - 1))
    right_depth = right_depth.masked_fill(right >= width, torch.inf)
    is_right = (right < width) & (right_depth <= left_depth)
    return _filled(view, holes, left, right, is_right, None)


def dilate(disparity: Tensor, size: int) -> Tensor:
    """Return the largest disparity of the size × size window around every pixel; size odd."""
    return max_pool2d(disparity[None], size, stride=1, padding=size // 2)[0]


def _filled(
    view: Tensor, holes: Tensor, left: Tensor, right: Tensor, is_right: Tensor, reach: int | None
) -> Tensor:
    width = holes.shape[1]
    source = torch.where(is_right, right, left)
    columns = torch.arange(width)
    has_source = (source >= 0) & (source < width)
    if reach is not None:
        has_source &= (source - columns).abs() <= reach
    source = torch.where(holes & has_source, source, columns)
    return view.gather(2, source.expand_as(view))
