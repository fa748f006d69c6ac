"""The sheets of training scenes: noise, bricks, stripes and glyphs around a given colour.

Each pattern is a function of (side, draws) that gives RGB [3, S, S] in [0, 1] and repeats. How a
sheet becomes a mip pyramid is in kernels/raycast/textures.py; who wears what, in looks.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels.raycast.paintings import directions
from stereocast.kernels.raycast.textures import Colour, grid, mix, noise, pyramid, ramp, solid
from stereocast.training.scenes.draws import Draws


@dataclass(frozen=True)
class Paint:
    """The mean colour of a surface, and how strongly its pattern departs from it, 0 to 1."""

    colour: Colour
    contrast: float


Pattern = Callable[[int, Draws], Tensor]
GRAIN = 0.088
"""Deviation of the fine noise, as a share of the colour."""


def cloudy(side: int, draws: Draws) -> Tensor:
    """Return fractal noise between two colours, with patches of a third."""
    cells = draws.whole(3, 8)
    base = noise(side, (cells, cells), draws.generator, 6)
    patches = noise(side, (cells + 2, cells), draws.generator, 5)
    picture = mix(*_two_colours(draws), ramp(base, -1.4, 1.4))
    return mix(picture, solid(draws.colour(0.3, 0.95)), 0.8 * ramp(patches, 0.6, 0.9))


def bricks(side: int, draws: Draws) -> Tensor:
    """Return courses of tinted bricks or tiles, every other one shifted by half a brick."""
    x, y = grid(side)
    courses, columns = 2 * draws.whole(2, 5), draws.whole(2, 5)
    course = (y * courses).long()
    along = x * columns + 0.5 * (course % 2)
    column = along.long() % columns
    gap = draws.uniform(0.004, 0.012)
    edge = torch.minimum(_to_whole(along) / columns, _to_whole(y * courses) / courses)
    tint = torch.randn(courses, columns, generator=draws.generator)[course, column]
    blend = torch.rand(courses, columns, generator=draws.generator)[course, column]
    weathered = 1 + 0.08 * tint + 0.08 * noise(side, (16, 16), draws.generator, 5)
    brick = mix(*_two_colours(draws), 0.6 * blend) * weathered
    return mix(solid(draws.colour(0.2, 0.9)), brick, ramp(edge, gap, gap + 0.008))


def stripes(side: int, draws: Draws) -> Tensor:
    """Return straight or slanted stripes of two colours and a thin third."""
    x, y = grid(side)
    across, slant = draws.whole(2, 7), draws.whole(-3, 3)
    phase = (across * x + slant * y).frac() % 1
    soft, width = 0.02 * across, draws.uniform(0.3, 0.6)
    picture = mix(*_two_colours(draws), ramp(phase, 0, soft) * ramp(phase, width, width - soft))
    middle = (phase - 0.5 * (1 + width)).abs()
    picture = mix(picture, solid(draws.colour(0.1, 0.95)), ramp(middle, 0.06 + soft, 0.06))
    return picture * (1 + 0.07 * noise(side, (8, 8), draws.generator, 5))


def glyphs(side: int, draws: Draws) -> Tensor:
    """Return lines of random block letters on paper; no two sheets say the same."""
    x, y = grid(side)
    lines, letters = draws.whole(4, 8), draws.whole(5, 10)
    strokes = torch.rand(lines, letters, 5, 3, generator=draws.generator) < 0.58
    blank = torch.rand(lines, letters, generator=draws.generator) < 0.15
    ink = strokes & ~blank[..., None, None]
    # A cell has 4 × 7 blocks: a letter of 3 × 5, and the space to its right and around the line.
    column, row = (x * letters).long(), (y * lines).long()
    block_x, block_y = ((x * letters).frac() * 4).long(), ((y * lines).frac() * 7).long() - 1
    printed = ink[row, column, block_y.clamp(0, 4), block_x.clamp(0, 2)]
    printed &= (block_x < 3) & (block_y >= 0) & (block_y < 5)
    return mix(*_two_colours(draws), printed.float()) * (
        1 + 0.06 * noise(side, (4, 4), draws.generator, 6)
    )


PATTERNS: tuple[Pattern, ...] = (cloudy, bricks, stripes, glyphs)


def sheet(pattern: Pattern, side: int, draws: Draws, paint: Paint) -> Tensor:
    """Return the pattern around a mean colour, with fine noise, as texture for flat surfaces."""
    return pyramid(_with_grain(_painted(pattern(side, draws), paint), draws))


def skin(pattern: Pattern, side: int, draws: Draws, paint: Paint) -> Tensor:
    """Return the pattern wrapped around a sphere by longitude and latitude, with fine noise."""
    flat = _painted(pattern(side, draws), paint)
    n = directions(side)
    column = ((torch.atan2(n[1], n[0]) / torch.pi + 1) * side).long() % side
    row = ((torch.asin(n[2].clamp(-1, 1)) / torch.pi + 0.5) * side).long().clamp_max(side - 1)
    return pyramid(_with_grain(flat[:, row, column], draws))


def ragged_leaf(pattern: Pattern, side: int, draws: Draws, paint: Paint) -> Tensor:
    """Return the pattern cut to a ragged oval: smooth noise, thresholded, bends its outline."""
    x, y = grid(side)
    oval = torch.hypot((x - 0.5) / 0.5, (y - 0.5) / 0.5)
    rough = noise(side, (5, 5), draws.generator, 3)
    body = 0.72 + 0.22 * rough - oval
    # Nothing reaches the border of the card, where its straight edge would show.
    alpha = ramp(body, -0.02, 0.02) * ramp(oval, 0.99, 0.93)
    return pyramid(_with_grain(_painted(pattern(side, draws), paint), draws), alpha)


def _two_colours(draws: Draws) -> tuple[Tensor, Tensor]:
    """Return a light and a dark colour, in random order."""
    light, dark = solid(draws.colour(0.6, 1.0)), solid(draws.colour(0.12, 0.5))
    return (light, dark) if draws.uniform(0, 1) < 0.5 else (dark, light)


def _painted(rgb: Tensor, paint: Paint) -> Tensor:
    """Return the picture with another mean colour, and with weaker contrast around it."""
    around = rgb - rgb.mean(dim=(1, 2), keepdim=True)
    return (solid(paint.colour) + paint.contrast * around).clamp(0, 1)


def _with_grain(rgb: Tensor, draws: Draws) -> Tensor:
    side = rgb.shape[-1]
    return (rgb * (1 + GRAIN * noise(side, (side // 2, side // 2), draws.generator, 2))).clamp(0, 1)


def _to_whole(x: Tensor) -> Tensor:
    """Return the distance to the nearest whole number."""
    return (x - x.round()).abs()
