"""Procedural textures: noise and patterns that repeat, and their mip pyramids.

Colours are float RGB in [0, 1] until `pyramid` makes the packed texture that the ray caster reads.
A pattern is a function of (side, generator); what it depicts is painted in paintings.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

Colour = tuple[float, float, float]


def pyramid(rgb: Tensor, alpha: Tensor | None = None) -> Tensor:
    """Return the texture [2·S + log2 S, S + 1, 4] uint8 of an image [3, S, S], alpha [S, S].

    Values in [0, 1]. Each level is the box average of the one before; colours are weighted by
    alpha, so that what is cut out does not bleed into what is left.
    """
    side = rgb.shape[1]
    weight = torch.ones(1, side, side) if alpha is None else alpha[None].clamp_min(1e-3)
    texture = torch.zeros(2 * side + side.bit_length() - 1, side + 1, 4, dtype=torch.uint8)
    colour = rgb * weight
    size, first = side, 0
    while size:
        level = torch.cat([colour / weight, weight]).clamp(0, 1)
        packed = (level * 255 + 0.5).to(torch.uint8).movedim(0, -1)
        repeated = torch.arange(size + 1) % size
        texture[first : first + size + 1, : size + 1] = packed[repeated][:, repeated]
        first, size = first + size + 1, size // 2
        if size:
            colour, weight = (torch.nn.functional.avg_pool2d(x, 2) for x in (colour, weight))
    return texture


def grid(side: int) -> tuple[Tensor, Tensor]:
    """Return (x, y) of the texel centres in [0, 1), each [S, S]."""
    ticks = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    return x, y


def noise(
    side: int, cells: tuple[int, int], generator: torch.Generator, octaves: int = 4
) -> Tensor:
    """Return repeating fractal value noise [S, S] with mean 0 and deviation about 1.

    cells  random values down and across in the first octave; each next one doubles them
    """
    total, gain = torch.zeros(side, side), 1.0
    rows, columns = cells
    for _ in range(octaves):
        lattice = torch.randn(rows, columns, generator=generator)
        total += gain * _upsample(lattice, side)
        rows, columns, gain = min(2 * rows, side), min(2 * columns, side), gain * 0.55
    return (total - total.mean()) / total.std()


def _upsample(lattice: Tensor, side: int) -> Tensor:
    for dim in (0, 1):
        count = lattice.shape[dim]
        position = (torch.arange(side) + 0.5) * count / side
        cell = position.floor().long()
        shape = (-1, 1) if dim == 0 else (1, -1)
        blend = smooth(position - cell).reshape(shape)
        here, after = (lattice.index_select(dim, (cell + i) % count) for i in (0, 1))
        lattice = here + (after - here) * blend
    return lattice


def smooth(x: Tensor) -> Tensor:
    """Return the smooth step of x clamped to [0, 1]."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def ramp(x: Tensor, low: float, high: float) -> Tensor:
    """Return 0 below `low`, 1 above `high` (or the reverse), smooth between."""
    return smooth((x - low) / (high - low))


def solid(colour: Colour) -> Tensor:
    """Return a colour as [3, 1, 1], to mix with."""
    return torch.tensor(colour)[:, None, None]


def mix(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Return a where `share` [S, S] is 0, b where it is 1."""
    return a + (b - a) * share


def bricks(side: int, generator: torch.Generator) -> Tensor:
    """Return a running bond of eight courses of four weathered bricks."""
    x, y = grid(side)
    course = (y * 8).long()
    along = x * 4 + 0.5 * (course % 2)
    number = along.long() % 4
    edge_x = torch.minimum(along.frac(), 1 - along.frac()) / 4
    edge_y = torch.minimum((y * 8).frac(), 1 - (y * 8).frac()) / 8
    wobble = 0.0012 * noise(side, (24, 24), generator)
    brick = ramp(torch.minimum(edge_x, edge_y) + wobble, 0.005, 0.010)
    tint = torch.randn(8, 4, generator=generator)[course, number]
    dark = torch.rand(8, 4, generator=generator)[course, number]
    clay = mix(solid((0.72, 0.38, 0.27)), solid((0.60, 0.29, 0.22)), dark)
    clay = clay * (1 + 0.09 * tint + 0.10 * noise(side, (16, 16), generator, 6))
    mortar = solid((0.74, 0.70, 0.64)) * (1 + 0.05 * noise(side, (64, 64), generator, 3))
    light = 1 + 0.10 * (ramp((y * 8).frac(), 0.30, 0.06) - ramp((y * 8).frac(), 0.70, 0.94))
    return mix(mortar, clay * light, brick)


def planks(side: int, generator: torch.Generator, colour: Colour, rows: int = 6) -> Tensor:
    """Return boards along x, each with its own grain, tint and butt joint."""
    x, y = grid(side)
    board = (y * rows).long()
    offset = torch.rand(rows, generator=generator)[board]
    tint = torch.randn(rows, generator=generator)[board]
    rings = noise(side, (rows * 5, 2), generator, 3)
    grain = torch.sin(14 * rings + 40 * (y * rows).frac() * (0.6 + 0.2 * tint))
    fibres = noise(side, (128, 8), generator, 3)
    wood = solid(colour) * (1 + 0.08 * tint + 0.055 * grain + 0.05 * fibres)
    seam = torch.minimum((y * rows).frac(), 1 - (y * rows).frac()) / rows
    joint = ((x + offset).frac() - 0.5).abs()
    gap = torch.minimum(ramp(seam, 0.0015, 0.0045), ramp(joint, 0.001, 0.0035))
    return mix(wood * 0.35, wood, gap)


def milk_glass(side: int, generator: torch.Generator, colour: Colour) -> Tensor:
    """Return an almost even pane."""
    return solid(colour) * (1 + 0.004 * noise(side, (8, 8), generator, 4))


def panels(side: int, generator: torch.Generator, colour: Colour) -> Tensor:
    """Return one coffer of a wooden ceiling, lit from one corner."""
    x, y = grid(side)
    edge = torch.minimum(torch.minimum(x, 1 - x), torch.minimum(y, 1 - y))
    wood = planks(side, generator, colour, rows=4)
    beam = ramp(edge, 0.115, 0.105)
    bevel = ramp(edge, 0.10, 0.115) * ramp(edge, 0.165, 0.15)
    slope = torch.where((x - y) * (1 - x - y) > 0, 0.25, -0.2) * torch.sign(0.5 - y)
    return wood * (0.62 + 0.42 * beam) * (1 + bevel * slope)


def checks(side: int, generator: torch.Generator, one: Colour, two: Colour) -> Tensor:
    """Return a 4 × 4 board of glazed tiles."""
    x, y = grid(side)
    odd = ((x * 4).long() + (y * 4).long()) % 2
    edge = torch.minimum(
        torch.minimum((x * 4).frac(), 1 - (x * 4).frac()),
        torch.minimum((y * 4).frac(), 1 - (y * 4).frac()),
    )
    glaze = mix(solid(one), solid(two), odd.float())
    glaze = glaze * (1 + 0.05 * noise(side, (12, 12), generator, 5))
    return mix(solid((0.30, 0.29, 0.30)), glaze, ramp(edge, 0.02, 0.035)) * (
        1 + 0.12 * ramp(edge, 0.09, 0.04) * ramp(edge, 0.03, 0.05)
    )


def stripes(side: int, generator: torch.Generator, one: Colour, two: Colour) -> Tensor:
    """Return diagonal stripes, as on a barber's pole."""
    x, y = grid(side)
    phase = (x + 3 * y).frac()
    share = ramp(phase, 0.48, 0.52) * ramp(phase, 1.0, 0.96)
    paint = mix(solid(one), solid(two), share)
    return paint * (1 + 0.05 * noise(side, (16, 16), generator, 4))


def crate(side: int, generator: torch.Generator) -> Tensor:
    """Return the side of a wooden crate: boards, a frame, a diagonal and nails."""
    x, y = grid(side)
    boards = planks(side, generator, (0.66, 0.47, 0.28), rows=6)
    frame_wood = planks(side, generator, (0.78, 0.58, 0.36), rows=8)
    edge = torch.minimum(torch.minimum(x, 1 - x), torch.minimum(y, 1 - y))
    diagonal = (x - y).abs() * 0.7071
    shade = (1 - 0.5 * ramp(edge, 0.17, 0.135)) * (1 - 0.4 * ramp(diagonal, 0.10, 0.07))
    picture = mix(boards * shade, frame_wood, ramp(diagonal, 0.074, 0.068))
    rails = mix(frame_wood.transpose(1, 2), frame_wood, ((y - 0.5).abs() > (x - 0.5).abs()).float())
    lip = 1 - 0.35 * ramp(edge, 0.012, 0.0)
    picture = mix(picture, rails * lip, ramp(edge, 0.135, 0.130))
    for nx, ny in (
        (0.065, 0.065),
        (0.935, 0.065),
        (0.065, 0.935),
        (0.935, 0.935),
        (0.5, 0.065),
        (0.5, 0.935),
        (0.065, 0.5),
        (0.935, 0.5),
    ):
        head = torch.hypot(x - nx, y - ny)
        picture = mix(picture, solid((0.25, 0.24, 0.23)), ramp(head, 0.014, 0.010))
    return picture
