"""The hole fill in plain PyTorch: the definition that the native and CUDA kernels agree with.

Sums are written in the order in which every form of the kernel takes them, so that all agree bit
for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

LARGEST_EXPONENT = 60.0


@dataclass(frozen=True)
class Settings:
    """The constants of `stereocast.kernels.fill`, where they are explained."""

    narrow_px: int
    rate: float
    persistence: float
    row_share: float
    feather: float
    levels: int


def fill_from_row(view: Tensor, holes: Tensor, disparity: Tensor, narrow_px: int) -> Tensor:
    """Fill level 1 as `stereocast.kernels.fill.fill_holes` says; shapes and dtypes as there."""
    left, right = _neighbours(holes)
    width = holes.shape[1]
    column = torch.arange(width, device=view.device)
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


def fill_from_around(view: Tensor, holes: Tensor, disparity: Tensor, settings: Settings) -> Tensor:
    """Fill level 2 as `stereocast.kernels.fill.fill_holes` says; shapes and dtypes as there."""
    height, width = holes.shape
    weight = torch.where(holes, 0.0, _weight(disparity, settings.rate))
    pixels = torch.cat([view.float() * weight, weight[None]])
    pyramid = [_halve(pixels)]
    for _ in range(settings.levels - 1):
        pyramid.append(_shrink(pyramid[-1]))
    coarse = pyramid.pop()
    while pyramid:
        own = pyramid.pop()
        coarse = own + settings.persistence * _grow(coarse, own.shape[1], own.shape[2])
    total = _grow(coarse, height, width)
    value = total[:3] * (1 / total[3])
    row = fill_from_row(view, holes, disparity, settings.narrow_px)
    value = torch.where(total[3] > 0, value, row.float())
    value = value + settings.row_share * (row.float() - value)

    left, right = _neighbours(holes)
    column = torch.arange(width, device=view.device)
    for beside, step in ((left, -1), (right, 1)):
        here = (beside == column + step) & (beside >= 0) & (beside < width)
        colour = view.roll(-step, 2).float()
        value = torch.where(here, value + settings.feather * (colour - value), value)
    if view.dtype == torch.uint8:
        value = (value + 0.5).floor()
    narrow = (left >= 0) & (right < width) & (right - left - 1 <= settings.narrow_px)
    filled = torch.where(narrow, row, value.to(view.dtype))
    return torch.where(holes, filled, view)


def _neighbours(holes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest columns with colour, at or before and at or after; -1 and W: none."""
    width = holes.shape[1]
    column = torch.arange(width, device=holes.device).expand(holes.shape)
    left = torch.where(holes, -1, column).cummax(1).values
    right = torch.where(holes, width, column).flip(1).cummin(1).values.flip(1)
    return left, right


def _mix(first: Tensor, second: Tensor, position: Tensor, gap: Tensor) -> Tensor:
    """Return the value `position` steps of `gap` on the way from `first` to `second`."""
    gap = gap.clamp_min(1)
    if first.dtype == torch.uint8:
        total = first.int() * (gap - position) + second.int() * position
        return ((total + gap // 2) // gap).to(torch.uint8)
    share = position.float() / gap.float()
    return first + share * (second - first)


def _weight(disparity: Tensor, rate: float) -> Tensor:
    """Return about 2^(-rate · disparity): the exponent's fraction becomes the mantissa."""
    exponent = -disparity * rate
    exponent = torch.where(exponent > -LARGEST_EXPONENT, exponent, -LARGEST_EXPONENT)
    exponent = torch.where(exponent < LARGEST_EXPONENT, exponent, LARGEST_EXPONENT)
    return ((exponent + 127) * 8388608).to(torch.int32).view(torch.float32)


def _halve(pixels: Tensor) -> Tensor:
    """Average blocks of 2 × 2; outside the picture there is nothing."""
    pixels = pad(pixels, (0, pixels.shape[2] % 2, 0, pixels.shape[1] % 2))
    rows = pixels[:, 0::2] + pixels[:, 1::2]
    return (rows[..., 0::2] + rows[..., 1::2]) * 0.25


def _shrink(cells: Tensor) -> Tensor:
    """Halve both sizes with the smooth window 1 3 3 1; outside the picture there is nothing."""
    cells = pad(cells, (1, 1 + cells.shape[2] % 2, 1, 1 + cells.shape[1] % 2))
    rows = (cells[:, 0:-3:2] + cells[:, 3::2]) * 0.125 + (
        cells[:, 1:-2:2] + cells[:, 2:-1:2]
    ) * 0.375
    return (rows[..., 0:-3:2] + rows[..., 3::2]) * 0.125 + (
        rows[..., 1:-2:2] + rows[..., 2:-1:2]
    ) * 0.375


def _grow(cells: Tensor, height: int, width: int) -> Tensor:
    """Double both sizes linearly, to [height, width]; the border is continued."""
    (above, beyond), (beside, aside) = (
        _parents(count, cells.shape[dim], cells) for dim, count in ((1, height), (2, width))
    )
    rows = 0.75 * cells[:, above] + 0.25 * cells[:, beyond]
    return 0.75 * rows[..., beside] + 0.25 * rows[..., aside]


def _parents(count: int, parents: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest and second nearest coarser cell of each of `count` cells."""
    index = torch.arange(count, device=like.device)
    nearest = index // 2
    return nearest, (nearest + 2 * (index % 2) - 1).clamp(0, parents - 1)
