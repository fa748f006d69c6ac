"""Silhouettes in plain PyTorch: the definition that the native and CUDA kernels agree with.

How far windows reach depends on a measured tensor. No value is read by the host: loops run to the
largest reach, and what lies beyond the real one is masked.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

HARD = 1.6
"""Ramps narrower than this many pixels are as sharp as a picture's edges."""
LEVELS = 16
"""A pixel's place on its ramp: −16 at the far surface, 0 half way, 16 at the near one."""
CERTAIN = 12
"""From this level on, up or down, the picture is not asked."""
ALIKE = 60
"""Colours that differ by this much, |ΔR| + |ΔG| + |ΔB|, have no say in each other's place."""
TAPS = 2
"""The picture is asked at TAPS places on either side, in both directions."""

_MEASURED_STEP_PX = 3.0
_LEVELLED_OUT = 0.6
_FEWEST = 4


def block_cells(disparity: Tensor) -> int:
    """Return the side of the blocks in which softness is measured: about 1 % of the map's width."""
    return min(max(max(disparity.shape) // 80, 4), 16)


def softness(disparity: Tensor) -> Tensor:
    """Measure as `stereocast.kernels.disparity.softness` says.

    A window is 3 × 3 blocks. It is centred on a silhouette if its range exceeds 3 px, nothing in it
    is steeper than the block in the middle, and that slope would exceed the range if it went on for
    60 % of the window.
    """
    block = block_cells(disparity)
    sideways, down = torch.zeros_like(disparity), torch.zeros_like(disparity)
    sideways[:, :-1] = (disparity[:, 1:] - disparity[:, :-1]).abs()
    down[:-1] = (disparity[1:] - disparity[:-1]).abs()
    rows, columns = disparity.shape[0] // block, disparity.shape[1] // block
    if rows < 3 or columns < 3:
        return torch.zeros(1, device=disparity.device)
    planes = torch.stack((disparity, -disparity, torch.maximum(sideways, down)))
    blocks = max_pool2d(planes[None, :, : rows * block, : columns * block], block)
    nearest, farthest, slope = max_pool2d(blocks, 3, 1)[0]
    height = nearest + farthest  # the range: `farthest` is negated
    width = height / slope.clamp_min(1e-30)
    centred = blocks[0, 2, 1:-1, 1:-1] >= slope
    counts = centred & (height > _MEASURED_STEP_PX) & (width < _LEVELLED_OUT * 3.0 * block)
    ordered = torch.where(counts, width, torch.inf).flatten().sort().values
    count = counts.sum()
    median = ordered[(count.clamp_min(1) - 1) // 2].reshape(1)
    return torch.where(count >= _FEWEST, median, 0.0)


def silhouettes(
    disparity: Tensor,
    softness: Tensor,
    image: Tensor | None,
    size: tuple[int, int],
    *,
    limits: tuple[float, float, int],
) -> Tensor:
    """Return the disparity [H, W] of `size` with steps for ramps.

    limits  step in px, reach per softness, greatest reach in px
    """
    step_px, reach_share, reach_max = limits
    wide = upsample(disparity, size)
    reach = reach_px(softness, size[1], disparity.shape[1], reach_share, reach_max)
    nearest = _extreme(wide, reach, reach_max)
    farthest = -_extreme(-wide, reach, reach_max)
    span = nearest - farthest
    ramp = span > step_px
    share = (wide - farthest) / torch.where(ramp, span, 1.0)
    level = torch.where(ramp, (share * (2 * LEVELS)).int() - LEVELS, 0)
    near = ramp & (level >= 0)
    if image is not None:
        votes = _votes(level, image.int(), (reach // 2).clamp_min(1))
        near = torch.where(ramp & (level.abs() < CERTAIN), votes >= 0, near)
    above, below = _moved(near, -1, 0), _moved(near, 1, 0)
    near = (near & (above | below)) | (above & below)
    sides = torch.where(near & ramp, nearest, -torch.inf)
    sides = _widened(sides, (reach + 10) // 12, (reach_max + 10) // 12)
    return torch.where(ramp, torch.where(sides.isneginf(), farthest, sides), wide)


def reach_px(softness: Tensor, width: int, cells: int, share: float, limit: int) -> Tensor:
    """Return how far windows reach, int64 [1]: 0 where silhouettes are sharp already."""
    scale = torch.tensor(float(width), device=softness.device) / cells
    ramp_px = softness.clamp_min(1.0) * scale
    reach = (share * ramp_px + 0.5).floor().long().clamp_max(limit)
    return torch.where(ramp_px < HARD, 0, reach)


def upsample(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate bilinearly; values lie at the centres of cells and pixels, borders go on."""
    if tuple(grid.shape) == size:
        return grid
    top, share = _places(size[0], grid.shape[0], grid.device)
    bottom = (top + 1).clamp_max(grid.shape[0] - 1)
    rows = grid[top] + share[:, None] * (grid[bottom] - grid[top])
    left, share = _places(size[1], grid.shape[1], grid.device)
    right = (left + 1).clamp_max(grid.shape[1] - 1)
    return rows[:, left] + share * (rows[:, right] - rows[:, left])


def _places(pixels: int, cells: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the cell before every pixel's centre, int64, and how far beyond its centre that is."""
    scale = torch.tensor(float(cells), device=device) / pixels
    place = (torch.arange(pixels, device=device) + 0.5) * scale - 0.5
    place = place.clamp(0, cells - 1)
    return place.long(), place - place.floor()


def _moved(plane: Tensor, offset: Tensor | int, axis: int) -> Tensor:
    """Return the plane as seen `offset` pixels farther along `axis`; its border goes on."""
    length = plane.shape[axis]
    place = torch.arange(length, device=plane.device) + offset
    return plane.index_select(axis, place.clamp(0, length - 1))


def _extreme(plane: Tensor, reach: Tensor, limit: int) -> Tensor:
    """Return the largest value in the square window around every pixel."""
    for axis in (1, 0):
        largest = plane
        for k in range(1, limit + 1):
            beside = torch.maximum(_moved(plane, k, axis), _moved(plane, -k, axis))
            largest = torch.where(k <= reach, torch.maximum(largest, beside), largest)
        plane = largest
    return plane


def _votes(level: Tensor, image: Tensor, stride: Tensor) -> Tensor:
    """Return the sum of the levels around every pixel, each weighted by likeness of colour."""
    votes = torch.zeros_like(level)
    for down in range(-TAPS, TAPS + 1):
        levels, colours = _moved(level, down * stride, 0), _moved(image, down * stride, 1)
        for across in range(-TAPS, TAPS + 1):
            other = _moved(colours, across * stride, 2)
            weight = (ALIKE - (image - other).abs().sum(dim=0)).clamp_min(0)
            votes += weight * _moved(levels, across * stride, 1)
    return votes


def _widened(sides: Tensor, by: Tensor, limit: int) -> Tensor:
    """Return the largest value of those at most `by` pixels away in the same row."""
    wide = sides
    for k in range(1, limit + 1):
        beside = torch.maximum(_moved(sides, k, 1), _moved(sides, -k, 1))
        wide = torch.where(k <= by, torch.maximum(wide, beside), wide)
    return wide
