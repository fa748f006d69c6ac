"""What surfaces are made of: a name, a painter and the size of one sheet in metres.

A painter gives RGB [3, S, S] in [0, 1] that repeats, and alpha [S, S] where the surface is cut out.
Patterns that any scene may wear are in ../patterns.py; what grows and lives is in living.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels.raycast import textures
from stereocast.kernels.raycast.textures import Colour, grid, mix, noise, ramp, solid
from stereocast.training.scenes import patterns
from stereocast.training.scenes.draws import Draws

Painter = Callable[[int, Draws], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class Material:
    """A painter, the width of one sheet in metres, and how many sheets of it a clip may have."""

    painter: Painter
    sheet_m: float
    variants: int = 2


def plain(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a wall without texture: one pale colour, hardly any grain."""
    tone = solid(draws.colour(0.45, 0.95, saturation=(0.0, 0.35)))
    grain = draws.uniform(0.0, 0.012)
    return tone * (1 + grain * noise(side, (side // 4, side // 4), draws.generator, 2)), None


def enamel(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a strong, almost even colour: cars, toys, plastic."""
    tone = solid(draws.colour(0.1, 0.95, saturation=(0.0, 0.9)))
    return tone * (1 + 0.02 * noise(side, (6, 6), draws.generator, 2)), None


def dark(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a dark, almost even colour: rubber, screens, metal."""
    tone = solid(draws.colour(0.05, 0.3, saturation=(0.0, 0.3)))
    return tone * (1 + 0.05 * noise(side, (8, 8), draws.generator, 3)), None


def plaster(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return rough plaster or concrete, stained."""
    tone = solid(draws.colour(0.35, 0.9, saturation=(0.0, 0.3)))
    stains = 0.06 * noise(side, (2, 2), draws.generator, 5)
    return tone * (1 + stains + 0.03 * noise(side, (32, 32), draws.generator, 2)), None


def wood(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return boards."""
    value, warmth = draws.uniform(0.25, 0.85), draws.uniform(0.55, 0.8)
    colour: Colour = (value, value * warmth, value * warmth * draws.uniform(0.5, 0.8))
    return textures.planks(side, draws.generator, colour, rows=draws.whole(2, 6)), None


def tiles(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a board of glazed tiles of one or two colours."""
    one = draws.colour(0.4, 0.95, saturation=(0.0, 0.4))
    two = one if draws.uniform(0, 1) < 0.5 else draws.colour(0.1, 0.9, saturation=(0.0, 0.5))
    return textures.checks(side, draws.generator, one, two), None


def fabric(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a weave, with or without bands of a second colour."""
    x, y = grid(side)
    threads = side // 8
    weave = 1 + 0.06 * torch.sin(6.2832 * threads * x) * torch.sin(6.2832 * threads * y)
    base = solid(draws.colour(0.15, 0.9, saturation=(0.0, 0.7)))
    if draws.uniform(0, 1) < 0.4:
        bands, width = draws.whole(1, 6), draws.uniform(0.2, 0.6)
        along = x if draws.uniform(0, 1) < 0.5 else y
        base = mix(
            base, solid(draws.colour(0.1, 0.95)), ramp((along * bands).frac(), width, width + 0.05)
        )
    return base * weave * (1 + 0.05 * noise(side, (4, 4), draws.generator, 4)), None


def facade(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return one storey's worth of wall with windows, frames and sills."""
    x, y = grid(side)
    wall = bricks(side, draws)[0] if draws.uniform(0, 1) < 0.4 else plaster(side, draws)[0]
    count, wide, tall = draws.whole(2, 4), draws.uniform(0.4, 0.75), draws.uniform(0.4, 0.7)
    column = (x * count).long()
    u, v = ((x * count).frac() - 0.5).abs() * 2, ((y - 0.5).abs() * 2)
    frame = ramp(torch.maximum(u / wide, v / tall), 1.0, 0.96)
    glass = ramp(torch.maximum(u / (wide * 0.88), v / (tall * 0.9)), 1.0, 0.96)
    glass = glass * ramp(u, 0.02, 0.06)
    shine = torch.rand(count, generator=draws.generator)[column]
    pane = solid(draws.colour(0.1, 0.5, saturation=(0.1, 0.4))) * (
        0.6 + 0.5 * shine + 0.5 * (1 - y)
    )
    wall = mix(wall, solid(draws.colour(0.5, 1.0, saturation=(0.0, 0.2))), frame)
    return mix(wall, pane, glass).clamp(0, 1), None


def shelf_of_books(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return rows of spines of every colour."""
    x, y = grid(side)
    spines = draws.whole(14, 30)
    edges = torch.rand(spines, generator=draws.generator).cumsum(0)
    number = torch.searchsorted(edges / edges[-1], x.contiguous()).clamp_max(spines - 1)
    row = (y * 2).long()
    colours = torch.rand(3, spines, 2, generator=draws.generator) * 0.8 + 0.08
    tall = 0.7 + 0.25 * torch.rand(spines, 2, generator=draws.generator)
    here = (1 - (y * 2).frac()) < tall[number, row]
    picture = colours[:, number, row] * here * (1 + 0.1 * noise(side, (32, 4), draws.generator, 2))
    return picture.clamp(0, 1), None


def painting(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a framed picture or poster: patches of colour in a border."""
    x, y = grid(side)
    edge = torch.minimum(torch.minimum(x, 1 - x), torch.minimum(y, 1 - y))
    picture = patterns.cloudy(side, draws)
    horizon = draws.uniform(0.3, 0.7) + 0.08 * noise(side, (1, 3), draws.generator, 4)
    picture = mix(picture, solid(draws.colour(0.1, 0.8)), ramp(y - horizon, 0, 0.02))
    frame = solid(draws.colour(0.05, 0.95, saturation=(0.0, 0.5)))
    return mix(frame + 0 * picture, picture, ramp(edge, 0.05, 0.06)).clamp(0, 1), None


def asphalt(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return road surface, patched."""
    tone = solid(draws.colour(0.22, 0.5, saturation=(0.0, 0.12)))
    rough = 0.07 * noise(side, (side // 2, side // 2), draws.generator, 1)
    return tone * (1 + rough + 0.08 * noise(side, (2, 2), draws.generator, 3)), None


def window(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return panes that let daylight in, in a frame."""
    x, y = grid(side)
    across = draws.whole(1, 3)
    bars = torch.minimum(
        ((x * across).frac() - 0.5).abs() * -2 + 1, ((y * 2).frac() - 0.5).abs() * -2 + 1
    )
    outside = mix(
        solid((0.85, 0.92, 1.0)),
        solid(draws.colour(0.3, 0.9)),
        ramp(y + 0.1 * noise(side, (4, 4), draws.generator, 4), 0.45, 0.75),
    )
    return mix(
        solid(draws.colour(0.3, 1.0, saturation=(0, 0.15))) + 0 * outside,
        outside,
        ramp(bars, 0.08, 0.11),
    ), None


def disc(side: int, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return a round plate of one colour."""
    x, y = grid(side)
    radius = torch.hypot(x - 0.5, y - 0.5) * 2
    tone = solid(draws.colour(0.2, 0.95, saturation=(0.0, 0.6)))
    return tone * (1 - 0.15 * ramp(radius, 0.7, 0.75)), ramp(radius, 0.99, 0.95)


def railing(side: int, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return upright bars between two rails, nothing between them."""
    x, y = grid(side)
    bars = draws.whole(6, 10)
    upright = ((x * bars).frac() - 0.5).abs() * 2 < draws.uniform(0.16, 0.5)
    rails = ((y - 0.12).abs() < 0.035) | ((y - 0.85).abs() < 0.035)
    alpha = (upright | rails).float()
    tone = solid(draws.colour(0.08, 0.95, saturation=(0.0, 0.5)))
    return tone * (1 + 0.08 * noise(side, (16, 16), draws.generator, 2)), alpha


def bricks(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return bricks of clay, or of any colour."""
    if draws.uniform(0, 1) < 0.5:
        return textures.bricks(side, draws.generator), None
    return _any_paint(patterns.bricks(side, draws), draws), None


def printed(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return one of the patterns that mean nothing, around any colour."""
    pattern = patterns.PATTERNS[draws.whole(0, len(patterns.PATTERNS) - 1)]
    return _any_paint(pattern(side, draws), draws), None


def cloudy(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return fractal noise of any colours."""
    return _any_paint(patterns.cloudy(side, draws), draws, most=0.45), None


def _any_paint(rgb: Tensor, draws: Draws, *, most: float = 0.9) -> Tensor:
    mean = rgb.mean(dim=(1, 2), keepdim=True)
    tone = solid(draws.colour(0.25, 0.9, saturation=(0.0, 0.6)))
    return (tone + draws.uniform(0.15, most) * (rgb - mean)).clamp(0, 1)


MADE: dict[str, Material] = {
    "plain": Material(plain, 2.0, 3),
    "enamel": Material(enamel, 1.0, 3),
    "dark": Material(dark, 1.0, 1),
    "plaster": Material(plaster, 2.4),
    "wood": Material(wood, 1.1, 3),
    "tiles": Material(tiles, 1.4),
    "fabric": Material(fabric, 0.7, 3),
    "facade": Material(facade, 5.0, 3),
    "books": Material(shelf_of_books, 0.9, 1),
    "painting": Material(painting, 1.0, 2),
    "asphalt": Material(asphalt, 3.0, 1),
    "window": Material(window, 1.0, 1),
    "disc": Material(disc, 1.0, 2),
    "railing": Material(railing, 1.3, 1),
    "bricks": Material(bricks, 1.5),
    "printed": Material(printed, 0.8, 3),
    "cloudy": Material(cloudy, 1.5, 2),
}
