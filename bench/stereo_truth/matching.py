"""Disparity of a real stereo pair: census matching, smoothed along eight directions.

For pairs whose rows agree. Only as good as a truth for benches needs it: sub-pixel, with a mask of
what can be trusted. Source: Hirschmüller 2008, "Stereo processing by semiglobal matching and mutual
information"; Zabih and Woodfill 1994 for the census transform.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from stereocast.bench.stereo_truth.scores import luma

_SMALL_STEP, _LARGE_STEP = 3.0, 20.0  # penalties, in differing census bits
_REACH = 2  # of the census window: 5 × 5
_BOX = 3
_AGREEMENT_PX = 1.0
_DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclass(frozen=True)
class Match:
    """Disparity float32 [H, W] of the left eye, and where both eyes agree on it, bool [H, W]."""

    disparity: Tensor
    valid: Tensor


def match(left: Tensor, right: Tensor, *, lowest: int = -16, count: int = 64) -> Match:
    """Return d = xL − xR of the left eye [3, H, W] u8, looked for in `count` px from `lowest`."""
    cost = _smoothed(_census_cost(left, right, lowest, count))
    best = cost.argmin(dim=2)
    disparity = _between_steps(cost, best) + lowest
    seen_from_right = _best_of_right(cost, lowest)
    columns = torch.arange(left.shape[2])
    place = (columns - disparity.round().long()).clamp(0, left.shape[2] - 1)
    agrees = (seen_from_right.gather(1, place) - (best + lowest)).abs() <= _AGREEMENT_PX
    inside = (columns - disparity >= 0) & (columns - disparity <= left.shape[2] - 1)
    edge = (best > 0) & (best < count - 1)
    return Match(disparity, agrees & inside & edge)


def _census_cost(left: Tensor, right: Tensor, lowest: int, count: int) -> Tensor:
    """Return how many bits differ, float32 [H, W, count]; beyond the frame, the worst found."""
    ours, theirs = _census(luma(left)), _census(luma(right))
    width = ours.shape[2]
    ones = torch.tensor([bin(value).count("1") for value in range(256)], dtype=torch.uint8)
    layers = []
    for d in range(lowest, lowest + count):
        source = (torch.arange(width) - d).clamp(0, width - 1)
        bits = ours ^ theirs[:, :, source]
        layers.append(ones[bits.int()].sum(dim=0, dtype=torch.float32))
    cost = torch.stack(layers)
    cost = avg_pool2d(cost, _BOX, stride=1, padding=_BOX // 2, count_include_pad=False)
    return cost.permute(1, 2, 0).contiguous()


def _census(grey: Tensor) -> Tensor:
    """Return which of the 24 neighbours are darker than a pixel, as three bytes, u8 [3, H, W]."""
    height, width = grey.shape
    padded = pad(grey[None, None], (_REACH,) * 4, mode="replicate")[0, 0]
    size = 2 * _REACH + 1
    darker = [
        padded[y : y + height, x : x + width] < grey
        for y in range(size)
        for x in range(size)
        if (y, x) != (_REACH, _REACH)
    ]
    weights = (2 ** torch.arange(8)).to(torch.uint8)[:, None, None]
    bits = torch.stack(darker).to(torch.uint8).reshape(-1, 8, height, width)
    return (bits * weights).sum(dim=1, dtype=torch.uint8)


def _smoothed(cost: Tensor) -> Tensor:
    """Return the sum of the path costs of eight directions, like `cost` [H, W, D]."""
    total = torch.zeros_like(cost)
    for down, across in _DIRECTIONS:
        if down == 0:
            lines, sums = cost.transpose(0, 1), total.transpose(0, 1)
            _walk(lines, sums, step=across, drift=0)
        else:
            _walk(cost, total, step=down, drift=across)
    return total


def _walk(lines: Tensor, sums: Tensor, *, step: int, drift: int) -> None:
    """Add the path cost of one direction to `sums`, line after line; paths drift sideways."""
    order = range(lines.shape[0])
    before: Tensor | None = None
    for index in order if step > 0 else reversed(order):
        path = lines[index].clone()
        if before is not None:
            origin = before if drift == 0 else _drifted(before, drift)
            least = origin.amin(dim=1, keepdim=True)
            reached = torch.minimum(origin, least + _LARGE_STEP)
            reached[:, 1:] = torch.minimum(reached[:, 1:], origin[:, :-1] + _SMALL_STEP)
            reached[:, :-1] = torch.minimum(reached[:, :-1], origin[:, 1:] + _SMALL_STEP)
            path += reached - least
        sums[index] += path
        before = path


def _drifted(line: Tensor, drift: int) -> Tensor:
    """Return the line [W, D] moved by `drift` pixels; paths that enter the frame cost nothing."""
    moved = torch.zeros_like(line)
    if drift > 0:
        moved[1:] = line[:-1]
    else:
        moved[:-1] = line[1:]
    return moved


def _between_steps(cost: Tensor, best: Tensor) -> Tensor:
    """Return the minimum of the parabola through the best step and its neighbours, float32."""
    middle = best.clamp(1, cost.shape[2] - 2)
    before, here, after = (
        cost.gather(2, (middle + offset)[..., None])[..., 0] for offset in (-1, 0, 1)
    )
    bend = (before - 2 * here + after).clamp_min(1e-6)
    return middle + ((before - after) / (2 * bend)).clamp(-0.5, 0.5)


def _best_of_right(cost: Tensor, lowest: int) -> Tensor:
    """Return the disparity int64 [H, W] that the right eye's pixels prefer."""
    height, width, count = cost.shape
    least = torch.full((height, width), torch.inf)
    best = torch.zeros(height, width, dtype=torch.int64)
    columns = torch.arange(width)
    for step in range(count):
        source = columns + step + lowest
        is_inside = (source >= 0) & (source < width)
        here = cost[:, source.clamp(0, width - 1), step].masked_fill(~is_inside, torch.inf)
        better = here < least
        least = torch.where(better, here, least)
        best = torch.where(better, step + lowest, best)
    return best
