"""The forward warp in plain PyTorch: the definition that the native and CUDA kernels agree with.

All source segments of the picture are drawn at once. A segment covers at most `reach` columns, so
`reach` rounds of scattering suffice; the z-test is a scatter-maximum over disparity, the tie-break
a second one over the source column among the winners.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

_NOTHING = -math.inf


def warp_eyes(
    image: Tensor, disparity: Tensor, gains: Tensor, tear_px: float, half_width: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Warp as `stereocast.kernels.warp.warp_eyes` says; `gains` is float32 [N]."""
    views, view_disparities, holes = [], [], []
    for gain in gains.unbind():
        depth, column = _draw(disparity, gain, tear_px, half_width)
        open_ = torch.isneginf(depth)
        view = _sample(image, column, open_, half_width)
        own = gain == 0  # the source itself, whatever its disparity
        views.append(torch.where(own, _squeezed(image) if half_width else image, view))
        if half_width:
            right = pad(disparity[None], (0, disparity.shape[1] % 2), mode="replicate")[0, :, 1::2]
            kept, depth = (disparity[:, 0::2] + right) * 0.25, depth * 0.5
        else:
            kept = disparity
        view_disparities.append(torch.where(own, kept, depth))
        holes.append(open_ & ~own)
    return torch.stack(views), torch.stack(view_disparities), torch.stack(holes)


def _draw(
    disparity: Tensor, gain: Tensor, tear_px: float, half_width: bool
) -> tuple[Tensor, Tensor]:
    """Return the winning disparity (-inf: none) and the winning source column of every target."""
    height, width = disparity.shape
    width = (width + 1) // 2 if half_width else width
    candidates = [
        candidate
        for segment in _segments(disparity, gain, tear_px, half_width)
        for candidate in _covered(*segment, reach=math.ceil(1 + tear_px) + 1)
    ]
    rows = torch.arange(height, device=disparity.device)[:, None] * width
    landed = []  # flat target index, disparity, source column of everything inside the frame
    for hit, target, depth, column in candidates:
        hit = hit & (target < width)
        where = rows.expand_as(target)[hit] + target[hit].long()
        landed.append((where, depth[hit], column[hit]))
    nearest = disparity.new_full((height * width,), _NOTHING)
    for where, depth, _ in landed:
        nearest.scatter_reduce_(0, where, depth, "amax")
    winner = disparity.new_full((height * width,), _NOTHING)
    for where, depth, column in landed:
        wins = depth == nearest[where]
        winner.scatter_reduce_(0, where[wins], column[wins], "amax")
    return nearest.reshape(height, width), winner.reshape(height, width)


_Segment = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def _segments(disparity: Tensor, gain: Tensor, tear_px: float, half_width: bool) -> list[_Segment]:
    """Return segments: (begin, end, disparity there, its change, source column there, its change).

    begin and end are target columns; an empty segment has begin >= end. Five kinds: the whole ones
    between neighbours; the two halves left of torn ones; half a pixel beyond either frame edge.
    """
    width = disparity.shape[1]
    column = torch.arange(width, dtype=torch.float32, device=disparity.device).expand_as(disparity)
    target = column + gain * disparity
    if half_width:  # pixel centres lie between those of two columns
        target = target * 0.5 - 0.25
    reach = 0.25 if half_width else 0.5  # half a source pixel
    change = disparity[:, 1:] - disparity[:, :-1]
    torn = change.abs() > tear_px
    left, right = target[:, :-1], target[:, 1:]
    zero, one = torch.zeros_like(change), torch.ones_like(change)
    never = torch.full_like(left, math.inf)
    still = zero[:, :1] if width > 1 else torch.zeros_like(disparity)
    return [
        (torch.where(torn, never, left), right, disparity[:, :-1], change, column[:, :-1], one),
        (
            torch.where(torn, left, never),
            left + reach,
            disparity[:, :-1],
            zero,
            column[:, :-1],
            zero,
        ),
        (
            torch.where(torn, right - reach, never),
            right,
            disparity[:, 1:],
            zero,
            column[:, 1:],
            zero,
        ),
        (target[:, :1] - reach, target[:, :1], disparity[:, :1], still, column[:, :1], still),
        (target[:, -1:], target[:, -1:] + reach, disparity[:, -1:], still, column[:, -1:], still),
    ]


def _covered(
    begin: Tensor,
    end: Tensor,
    depth: Tensor,
    change: Tensor,
    column: Tensor,
    step: Tensor,
    *,
    reach: int,
) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Return, for the first, second, … target a segment covers: hit, target, disparity, column."""
    width_px = end - begin
    covered = []
    for nth in range(reach):
        target = torch.ceil(begin) + nth
        share = (target - begin) / width_px
        hit = (target < end) & (target >= 0)
        covered.append((hit, target, depth + share * change, column + share * step))
    return covered


def _sample(image: Tensor, column: Tensor, holes: Tensor, half_width: bool) -> Tensor:
    """Sample every channel linearly at a fractional source column per pixel; black in holes.

    At half width, the mean of two such samples one source column apart.
    """
    last = image.shape[2] - 1
    column = torch.where(holes, torch.zeros_like(column), column) + (0.5 if half_width else 0.0)
    left = column.floor()
    share = column - left
    index = left.long().expand(image.shape[0], *column.shape)

    def at(step: int) -> Tensor:
        return image.gather(2, (index + step).clamp(0, last)).float()

    if half_width:
        value = 0.5 * ((at(-1) + at(0)) + share * (at(1) - at(-1)))
    else:
        value = at(0) + share * (at(1) - at(0))
    if image.dtype == torch.uint8:
        value = (value + 0.5).floor()
    return torch.where(holes, torch.zeros_like(value), value).to(image.dtype)


def _squeezed(image: Tensor) -> Tensor:
    """Return the means of neighbouring columns; an odd last column stands for itself."""
    wide = pad(image.float(), (0, image.shape[2] % 2), mode="replicate")
    value = 0.5 * (wide[..., 0::2] + wide[..., 1::2])
    if image.dtype == torch.uint8:
        value = (value + 0.5).floor()
    return value.to(image.dtype)
