"""The background memory in plain PyTorch: the definition of all its forms.

`Plate` and what the two functions do are described in `stereocast.kernels.memory`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

NOTHING = 255
TILE = 16
GUARD_PX = 4
GUARD_STEP_PX = 2.0
NOISE_LEVELS = 3
STEADY = 3
ROUNDS = 3
SLANT = 0.2
SAME = 2.0
SETTLED = 11
UNLIKE = 192


def remember(
    plate: tuple[Tensor, Tensor, Tensor, Tensor],
    mismatch: Tensor,
    seen: tuple[Tensor, Tensor],
    motion: tuple[Tensor, Tensor, Tensor, Tensor],
    limits: tuple[float, int],
) -> Tensor:
    """Update colour, disparity, age and steadiness in place; return the new mismatch of tiles.

    seen: image and disparity; motion: origin and shift int32 [2], trust bool [1], slack int32 [1];
    limits:
    tolerance in pixels and age in frames.
    """
    colour, depth, age, steady = plate
    image, disparity = seen
    origin, shift, trust, slack = motion
    tolerance_px, age_limit = limits
    same_px = SAME * tolerance_px
    rows, columns = _ring(origin, disparity.shape)
    old_colour, old_depth = colour[:, rows, columns], depth[rows, columns]
    old_age, old_steady = age[rows, columns].int(), steady[rows, columns].int()
    valid = (old_age < age_limit) & trust & _came_from_inside(shift, disparity.shape)
    clean = disparity >= _nearest_around(disparity) - GUARD_STEP_PX
    worse = _mismatch(image, old_colour, slack)
    same = valid & clean & ((disparity - old_depth).abs() <= same_px)
    take = clean & (~valid | (disparity <= old_depth + same_px))
    keep = valid & ~take & ~lost(mismatch, disparity.shape)
    new_age = torch.where(take, 0, torch.where(keep, old_age + 1, NOTHING))
    rests = same & (worse <= 0)
    rested = torch.where(rests, (old_steady + 1).clamp_max(STEADY), 0)
    colour[:, rows, columns] = torch.where(take & ~rests, image, old_colour)
    depth[rows, columns] = torch.where(take, disparity, old_depth)
    age[rows, columns] = new_age.to(torch.uint8)
    steady[rows, columns] = torch.where(take, rested, old_steady).to(torch.uint8)
    return _per_tile(worse * same)


def recall(
    plate: tuple[Tensor, Tensor, Tensor, Tensor],
    mismatch: Tensor,
    eye: tuple[Tensor, Tensor],
    tolerance_px: float,
    view: tuple[Tensor, Tensor],
) -> None:
    """Fill holes of a view and its disparity (-inf) in place with what the plate remembers.

    eye: origin int32 [2] and gain float32 [1].
    """
    origin, gain = eye
    size = view[1].shape
    height, width = size
    rows, columns = _ring(origin, size)
    colour, depth = plate[0][:, rows, columns], plate[1][rows, columns]
    known = (plate[2][rows, columns] != NOTHING) & (plate[3][rows, columns] == STEADY)
    known &= ~lost(mismatch, size)
    holes = torch.isneginf(view[1])
    behind, away = _behind(view[1], holes)
    fits = holes & ~torch.isinf(behind)
    behind = torch.where(fits, behind, 0.0)
    allowed = tolerance_px + SLANT * away
    target = torch.arange(width, dtype=torch.float32, device=depth.device).expand(height, width)
    line = torch.arange(height, device=depth.device)[:, None].expand(height, width)
    found = behind
    for _ in range(ROUNDS):
        source = target - gain * found
        nearest = (source.clamp(0, width - 1) + 0.5).floor().long()
        other = depth[line, nearest]
        agrees = known[line, nearest] & ((other - behind).abs() <= allowed)
        found = torch.where(agrees, other, behind)
    source = target - gain * found
    fits = fits & (source >= 0) & (source <= width - 1)
    left = source.clamp(0, width - 1).floor()
    share = source - left
    first, second = left.long(), (left.long() + 1).clamp_max(width - 1)
    for index in (first, second):
        fits = fits & known[line, index] & ((depth[line, index] - behind).abs() <= allowed)
    value = colour[:, line, first].float()
    value = value + share * (colour[:, line, second].float() - value)
    view[0].copy_(torch.where(fits, (value + 0.5).floor().to(torch.uint8), view[0]))
    view[1].copy_(torch.where(fits, found, view[1]))


def settle(view: Tensor, holes: Tensor, resting: Tensor, kept: tuple[Tensor, Tensor]) -> None:
    """Blend fills in place with `kept` (colour and holes) of the frame before, and keep these."""
    colour, were = kept
    before, now = colour.int(), view.int()
    alike = holes & were & resting & ((now - before).abs().sum(0) < UNLIKE)
    mixed = (SETTLED * before + (16 - SETTLED) * now + 8) // 16
    view.copy_(torch.where(alike, mixed.to(torch.uint8), view))
    colour.copy_(torch.where(holes, view, colour))
    were.copy_(holes)


def lost(mismatch: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return where the tiles around, together, no longer match what was remembered: bool [H, W]."""
    padded = torch.nn.functional.pad(mismatch, (1, 1, 1, 1))
    tiles = padded.unfold(0, 3, 1).unfold(1, 3, 1).sum((-1, -2)) > 0
    return tiles.repeat_interleave(TILE, 0).repeat_interleave(TILE, 1)[: size[0], : size[1]]


def _ring(origin: Tensor, size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the plate's rows [H, 1] and columns [1, W] for the pixels of the frame."""
    height, width = size
    columns = (torch.arange(width, device=origin.device) + origin[0]) % width
    rows = (torch.arange(height, device=origin.device) + origin[1]) % height
    return rows[:, None], columns[None]


def _came_from_inside(shift: Tensor, size: tuple[int, ...]) -> Tensor:
    height, width = size
    x = torch.arange(width, device=shift.device) + shift[0]
    y = torch.arange(height, device=shift.device) + shift[1]
    return ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))[None]


def _nearest_around(disparity: Tensor) -> Tensor:
    return max_pool2d(disparity[None], 2 * GUARD_PX + 1, 1, GUARD_PX)[0]


def _grey(picture: Tensor) -> Tensor:
    planes = picture.int()
    return (planes[0] + 2 * planes[1] + planes[2] + 2) // 4


def _mismatch(image: Tensor, old_colour: Tensor, slack: Tensor) -> Tensor:
    """Return how much farther grey is from what was remembered than motion and noise explain."""
    grey = _grey(image)
    detail = torch.zeros_like(grey)
    detail[:, :-1] = (grey[:, 1:] - grey[:, :-1]).abs()
    change = (grey - _grey(old_colour)).abs()
    return 32 * (change - NOISE_LEVELS) - (16 + 2 * slack) * detail


def _per_tile(values: Tensor) -> Tensor:
    """Return sums over tiles, int32 [⌈H/16⌉, ⌈W/16⌉]."""
    height, width = values.shape
    down, across = -(-height // TILE), -(-width // TILE)
    padded = values.new_zeros((down * TILE, across * TILE))
    padded[:height, :width] = values
    return padded.reshape(down, TILE, across, TILE).sum((1, 3)).to(torch.int32)


def _behind(view_disparity: Tensor, holes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the smaller disparity of both sides of every run of holes; inf where there is none."""
    width = holes.shape[1]
    column = torch.arange(width, device=holes.device).expand(holes.shape)
    left = torch.where(holes, -1, column).cummax(1).values
    right = torch.where(holes, width, column).flip(1).cummin(1).values.flip(1)
    none = torch.full_like(view_disparity, torch.inf)
    before = torch.where(left >= 0, view_disparity.gather(1, left.clamp_min(0)), none)
    after = torch.where(right < width, view_disparity.gather(1, right.clamp_max(width - 1)), none)
    from_left = before <= after
    away = torch.where(from_left, column - left, right - column).float()
    return torch.where(from_left, before, after), away
