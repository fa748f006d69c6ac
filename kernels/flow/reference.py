"""Block matching and re-projection in plain PyTorch: the definition of all their forms.

Integers throughout, so that every form agrees bit for bit. Candidates are tried in a fixed order
and only a strictly better one replaces the best so far.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = range(-3, 5)  # an 8×8 block around a 2×2 cell
SEARCH = 8
STEP_COST = 16
SUBPIXEL = 16
CELL_PIXELS = 4
BOX_CELLS = 25
RING = ((0, -1), (-1, 0), (1, 0), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))  # x, y


def gate_levels(still_gate: float) -> int:
    """Return the still gate as a sum of byte differences over 5×5 cells of four pixels."""
    return round(still_gate * 255 * BOX_CELLS * CELL_PIXELS)


def block_matching(previous: Tensor, current: Tensor, gate: int) -> Tensor:
    """Match as `stereocast.kernels.flow.block_matching` says; `gate` from `gate_levels`."""
    before, now = [_grey(previous)], [_grey(current)]
    for _ in range(2):
        before.append(_halve(before[-1]))
        now.append(_halve(now[-1]))
    vectors = _search(before[2], now[2])
    half = (now[1].shape[0], now[1].shape[1])
    vectors = _refine(before[1], now[1], vectors * 2, 1, _parents(half, 2, reach=2))[0]
    vectors, cost = _refine(before[0], now[0], vectors * 2, 2, _parents(half, 1, reach=4))
    sixteenths = vectors * SUBPIXEL + _subpixel(before[0], now[0], vectors, cost)
    sixteenths = _rest(before[0], now[0], sixteenths, gate)
    return sixteenths.float() / SUBPIXEL


def _grey(picture: Tensor) -> Tensor:
    """Return the picture's grey, int64 [h, w] in 0..255."""
    if picture.dtype == torch.float32:
        picture = (picture.clamp(0, 1) * 255 + 0.5).floor()
    planes = picture.long()
    if planes.shape[0] == 1:
        return planes[0]
    return (planes[0] + 2 * planes[1] + planes[2] + 2) // 4


def _halve(plane: Tensor) -> Tensor:
    """Return means of 2×2 pixels; an odd last row or column counts twice."""
    height, width = plane.shape
    rows = plane[0::2] + plane[torch.arange(1, height + 1, 2).clamp_max(height - 1)]
    both = rows[:, 0::2] + rows[:, torch.arange(1, width + 1, 2).clamp_max(width - 1)]
    return (both + 2) // 4


def _at(plane: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Return pixels of `plane`, continued beyond its edges."""
    height, width = plane.shape
    return plane[y.clamp(0, height - 1), x.clamp(0, width - 1)]


def _grid(height: int, width: int, stride: int, device: torch.device) -> tuple[Tensor, Tensor]:
    rows = torch.arange(height, device=device)[:, None] * stride
    return rows, torch.arange(width, device=device)[None] * stride


def _cost(before: Tensor, now: Tensor, vectors: Tensor, stride: int) -> Tensor:
    """Return the block differences at `vectors` [2, h', w'], one cell every `stride` pixels."""
    y, x = _grid(vectors.shape[1], vectors.shape[2], stride, vectors.device)
    total = torch.zeros_like(vectors[0])
    for j in BLOCK:
        for i in BLOCK:
            here = _at(now, (y + j).expand_as(total), (x + i).expand_as(total))
            total += (here - _at(before, y + j + vectors[1], x + i + vectors[0])).abs()
    return total


def _search(before: Tensor, now: Tensor) -> Tensor:
    """Return the best of all displacements of up to `SEARCH` each way, int64 [2, h, w]."""
    steps = range(-SEARCH, SEARCH + 1)
    # Stable: of equally long ones the upper, then the left one first.
    order = sorted(((x, y) for y in steps for x in steps), key=lambda d: d[0] ** 2 + d[1] ** 2)
    best = torch.zeros((2, *now.shape), dtype=torch.long, device=now.device)
    cost = _cost(before, now, best, 1)
    for x, y in order[1:]:
        candidate = torch.tensor([x, y], device=now.device)[:, None, None].expand_as(best)
        other = _cost(before, now, candidate, 1) + STEP_COST * (abs(x) + abs(y))
        best = torch.where(other < cost, candidate, best)
        cost = torch.minimum(cost, other)
    return best


def _parents(size: tuple[int, int], ratio: int, *, reach: int) -> list[tuple[Tensor, Tensor]]:
    """Return row and column indices above each cell: its own, and `reach` cells each way."""
    rows, columns = (torch.arange(n) // ratio for n in size)
    last_row, last_column = rows[-1], columns[-1]
    moves = ((0, 0), (-reach, 0), (reach, 0), (0, -reach), (0, reach))
    return [
        (
            (rows + y).clamp(torch.zeros_like(last_row), last_row)[:, None],
            (columns + x).clamp(torch.zeros_like(last_column), last_column)[None],
        )
        for x, y in moves
    ]


def _refine(
    before: Tensor,
    now: Tensor,
    above: Tensor,
    stride: int,
    parents: list[tuple[Tensor, Tensor]],
) -> tuple[Tensor, Tensor]:
    """Return the best vectors of one level and their costs, from doubled vectors `above`."""
    own = above[:, parents[0][0], parents[0][1]]
    best = torch.zeros_like(own)
    cost = _cost(before, now, best, stride)
    for rows, columns in parents:
        best, cost = _better(before, now, above[:, rows, columns], stride, (best, cost))
    centre = best
    for x, y in RING:
        candidate = centre + torch.tensor([x, y], device=now.device)[:, None, None]
        best, cost = _better(before, now, candidate, stride, (best, cost))
    return best, cost


def _better(
    before: Tensor, now: Tensor, candidate: Tensor, stride: int, so_far: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    best, cost = so_far
    other = _cost(before, now, candidate, stride)
    return torch.where(other < cost, candidate, best), torch.minimum(other, cost)


def _subpixel(before: Tensor, now: Tensor, vectors: Tensor, cost: Tensor) -> Tensor:
    """Return where the parabolas through the neighbouring costs have their vertex, sixteenths."""
    parts = []
    for axis in (0, 1):
        step = torch.zeros((2, 1, 1), dtype=torch.long, device=now.device)
        step[axis] = 1
        less = _cost(before, now, vectors - step, 2)
        more = _cost(before, now, vectors + step, 2)
        bend = less - 2 * cost + more
        slope = SUBPIXEL // 2 * (less - more)
        size = (2 * slope.abs() + bend) // (2 * bend).clamp_min(1)
        offset = slope.sign() * size.clamp_max(SUBPIXEL // 2)
        parts.append(torch.where((cost == 0) | (bend <= 0), 0, offset))
    return torch.stack(parts)


def _rest(before: Tensor, now: Tensor, sixteenths: Tensor, gate: int) -> Tensor:
    """Return the vectors, zero where rest explains the picture as well."""
    still = _box(_difference(before, now, torch.zeros_like(sixteenths)))
    moved = _box(_difference(before, now, sixteenths))
    resting = still < moved + gate
    eroded = torch.nn.functional.pad(resting, (1, 1, 1, 1), value=True)
    eroded = eroded.unfold(0, 3, 1).unfold(1, 3, 1).all(-1).all(-1)
    return torch.where(eroded, 0, sixteenths)


def _difference(before: Tensor, now: Tensor, sixteenths: Tensor) -> Tensor:
    """Return per cell how far the moved previous picture is from the current one, four pixels."""
    y, x = _grid(sixteenths.shape[1], sixteenths.shape[2], 2, now.device)
    whole, share = sixteenths // SUBPIXEL, sixteenths % SUBPIXEL
    total = torch.zeros_like(whole[0])
    for j in (0, 1):
        for i in (0, 1):
            row, column = y + j + whole[1], x + i + whole[0]
            a, b = _at(before, row, column), _at(before, row, column + 1)
            c, d = _at(before, row + 1, column), _at(before, row + 1, column + 1)
            top = a * (SUBPIXEL - share[0]) + b * share[0]
            bottom = c * (SUBPIXEL - share[0]) + d * share[0]
            value = (top * (SUBPIXEL - share[1]) + bottom * share[1] + 128) // 256
            total += (value - _at(now, (y + j).expand_as(row), (x + i).expand_as(row))).abs()
    return total


def _box(cells: Tensor) -> Tensor:
    """Return sums over 5×5 cells, edges continued."""
    height, width = cells.shape
    rows = torch.arange(-2, height + 2, device=cells.device).clamp(0, height - 1)
    columns = torch.arange(-2, width + 2, device=cells.device).clamp(0, width - 1)
    return cells[rows][:, columns].unfold(0, 5, 1).unfold(1, 5, 1).sum((-1, -2))


def reproject(values: Tensor, flow: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """Move as `stereocast.kernels.flow.reproject` says, `scale` pixels a cell each way."""
    _, height, width = values.shape
    device = values.device
    rows = torch.arange(height, device=device)[:, None].expand(height, width)
    columns = torch.arange(width, device=device)[None].expand(height, width)
    vectors = flow[:, rows // scale, columns // scale]
    x, y = columns.float() + vectors[0], rows.float() + vectors[1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor(), y.floor()
    share_x, share_y = x - left, y - top
    left, top = left.long(), top.long()
    right, bottom = (left + 1).clamp_max(width - 1), (top + 1).clamp_max(height - 1)
    samples = values.float()
    upper = _lerp(samples[:, top, left], samples[:, top, right], share_x)
    lower = _lerp(samples[:, bottom, left], samples[:, bottom, right], share_x)
    moved = _lerp(upper, lower, share_y)
    if values.dtype == torch.uint8:
        moved = (moved + 0.5).floor()
    return moved.to(values.dtype), inside


def _lerp(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first + share * (second - first)


def shrink(picture: Tensor, factor: int) -> Tensor:
    """Average as `stereocast.kernels.flow.shrink` says."""
    height, width = picture.shape[1] // factor, picture.shape[2] // factor
    planes = picture[:, : height * factor, : width * factor].long()
    weighted = planes[0] + 2 * planes[1] + planes[2]
    sums = weighted.reshape(height, factor, width, factor).sum((1, 3))
    area = 4 * factor * factor
    return ((sums + area // 2) // area).to(torch.uint8)[None]
