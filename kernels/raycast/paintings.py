"""Painted textures: a landscape, a carpet, a spray of leaves, and the skins of spheres.

The skins are painted on directions, not on the sheet, so that the unfolded octahedron has no seam.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stereocast.kernels.raycast.textures import Colour, grid, mix, noise, ramp, solid


def landscape(side: int, generator: torch.Generator) -> Tensor:
    """Return a framed evening view: sky, sun, three ranges of hills and a lake."""
    x, y = grid(side)
    sky = mix(solid((0.20, 0.33, 0.58)), solid((1.0, 0.74, 0.47)), ramp(y, 0.0, 0.62))
    clouds = ramp(noise(side, (9, 3), generator, 6), 0.2, 1.8) * ramp(y, 0.55, 0.2)
    picture = mix(sky, solid((1.0, 0.86, 0.76)), 0.75 * clouds)
    sun = torch.hypot(x - 0.64, y - 0.44)
    picture = mix(picture, solid((1.0, 0.92, 0.66)), 0.7 * ramp(sun, 0.26, 0.05))
    picture = mix(picture, solid((1.0, 0.97, 0.85)), ramp(sun, 0.065, 0.058))
    hills: list[tuple[float, float, Colour]] = [
        (0.50, 0.050, (0.50, 0.47, 0.62)),
        (0.58, 0.045, (0.32, 0.38, 0.49)),
        (0.66, 0.035, (0.15, 0.27, 0.30)),
    ]
    for height, swing, colour in hills:
        crest = height + swing * noise(side, (1, 4), generator, 6)
        picture = mix(
            picture, solid(colour) * (1.15 - 0.5 * (y - crest)), ramp(y - crest, 0, 0.006)
        )
    ripples = 0.5 + 0.5 * torch.sin(260 * y + 1.5 * noise(side, (40, 6), generator, 3))
    glint = ripples * ramp((x - 0.64).abs(), 0.16, 0.02)
    lake = mix(solid((0.25, 0.34, 0.45)), solid((1.0, 0.78, 0.52)), 0.2 * ripples + 0.75 * glint)
    picture = mix(picture, lake, ramp(y, 0.752, 0.758))
    edge = torch.minimum(torch.minimum(x, 1 - x), torch.minimum(y, 1 - y))
    gold = (
        solid((0.80, 0.62, 0.28))
        * (0.75 + 0.35 * torch.sin(150 * edge))
        * (1 + 0.06 * noise(side, (64, 64), generator, 2))
    )
    return mix(picture, gold, ramp(edge, 0.048, 0.044))


def carpet(side: int, generator: torch.Generator) -> Tensor:
    """Return a woven rug with a border and a medallion."""
    x, y = grid(side)
    edge = torch.minimum(torch.minimum(x, 1 - x), torch.minimum(y, 1 - y))
    u, v = (x - 0.5).abs(), (y - 0.5).abs()
    red, navy, cream = (
        solid((0.62, 0.15, 0.17)),
        solid((0.13, 0.19, 0.36)),
        solid((0.90, 0.80, 0.62)),
    )
    lattice = torch.cos(u * 75) * torch.cos(v * 75)
    rug = mix(red, solid((0.78, 0.32, 0.22)), ramp(lattice, 0.35, 0.5))
    diamond = u + v
    for size, colour in ((0.34, cream), (0.32, navy), (0.22, cream), (0.205, red), (0.09, cream)):
        petal = diamond + 0.018 * torch.cos(torch.atan2(v, u) * 12)
        rug = mix(rug, colour, ramp(petal, size, size - 0.006))
    rug = mix(rug, navy, ramp(edge, 0.125, 0.12))
    zigzag = ((x + y) * 14).frac().sub(0.5).abs() + ((x - y) * 14).frac().sub(0.5).abs()
    rug = mix(rug, cream, ramp(edge, 0.125, 0.12) * ramp(zigzag, 0.42, 0.36))
    rug = mix(rug, cream, ramp(edge, 0.135, 0.13) * ramp(edge, 0.118, 0.122))
    rug = mix(rug, red * 0.7, ramp(edge, 0.03, 0.025))
    weave = 1 + 0.10 * torch.sin(x * side * 1.5) * torch.sin(y * side * 1.5)
    return rug * weave * (1 + 0.07 * noise(side, (32, 32), generator, 4))


def leaves(side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return a spray of pointed leaves on a stem and its alpha: what is cut out is 0."""
    x, y = grid(side)
    bend = 0.10 * torch.sin(3.0 * y + 0.4)
    stem_x = 0.46 + bend
    alpha = ramp((x - stem_x).abs(), 0.018, 0.014) * ramp(y, 0.05, 0.07)
    picture = solid((0.36, 0.30, 0.14)) * torch.ones(3, side, side)
    grain = noise(side, (24, 24), generator, 5)
    count = 13
    for i in range(count):
        down = 0.93 - 0.86 * i / (count - 1)
        root_x = 0.46 + 0.10 * float(torch.sin(torch.tensor(3.0 * down + 0.4)))
        last = i == count - 1
        turn = -1.57 if last else (-0.55 if i % 2 else -2.55) + 0.25 * (i / count - 0.5)
        length = 0.20 if last else 0.40 - 0.14 * i / count
        direction = torch.tensor(turn)
        dx, dy = x - root_x, y - down
        along = (dx * direction.cos() + dy * direction.sin()) / length
        across = (dy * direction.cos() - dx * direction.sin()) / length
        across = across + 0.10 * along * along * (1 if i % 2 else -1)
        outline = 0.30 * along.clamp(0, 1).sqrt() * (1 - along.clamp(0, 1)) * 1.35
        inside = ramp(outline - across.abs(), -0.012, 0.012) * ramp(along, 0.0, 0.02)
        inside = inside * ramp(along, 1.0, 0.98)
        veins = torch.cos((along - 0.55 * across.abs()) * 52)
        leaf = mix(
            solid((0.16, 0.42, 0.14)),
            solid((0.45, 0.68, 0.22)),
            ramp(along + 0.4 * across, 0.1, 1.0),
        )
        leaf = leaf * (
            1 + 0.07 * grain + 0.10 * ramp(veins, 0.55, 1.0) * ramp(across.abs(), 0.0, 0.02)
        )
        leaf = mix(leaf, solid((0.72, 0.84, 0.42)), 0.8 * ramp(across.abs(), 0.016, 0.006))
        rim = 1 - 0.30 * ramp(outline - across.abs(), 0.03, 0.0)
        picture = mix(picture, leaf * rim, inside)
        alpha = torch.maximum(alpha, inside)
    return picture, alpha


def directions(side: int) -> Tensor:
    """Return the unit direction [3, S, S] that each texel of an octahedral sheet shows.

    Texel centres reach the sheet's border, as in the ray caster.
    """
    ticks = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    z = 1 - x.abs() - y.abs()
    fold_x = torch.copysign(1 - y.abs(), x)
    fold_y = torch.copysign(1 - x.abs(), y)
    direction = torch.stack([torch.where(z < 0, fold_x, x), torch.where(z < 0, fold_y, y), z])
    return torch.nn.functional.normalize(direction, dim=0)


def _waves(direction: Tensor, generator: torch.Generator, frequency: float, count: int) -> Tensor:
    """Return smooth noise on the sphere: a sum of plane waves in random directions."""
    total = torch.zeros(direction.shape[1:])
    for _ in range(count):
        axis = torch.randn(3, generator=generator)
        pitch = frequency * (0.6 + 0.8 * float(torch.rand(1, generator=generator)))
        phase = 6.28 * float(torch.rand(1, generator=generator))
        total += torch.sin(
            (direction * (axis / torch.linalg.vector_norm(axis) * pitch)[:, None, None]).sum(0)
            + phase
        )
    return total * math.sqrt(2 / count)


def beach_ball(side: int, generator: torch.Generator) -> Tensor:
    """Return six coloured gores with white seams and caps."""
    n = directions(side)
    turn = (torch.atan2(n[1], n[0]) / (2 * torch.pi)).remainder(1.0) * 6
    colours = torch.tensor(
        [
            (0.90, 0.20, 0.18),
            (0.97, 0.96, 0.92),
            (0.98, 0.78, 0.18),
            (0.16, 0.45, 0.82),
            (0.97, 0.96, 0.92),
            (0.20, 0.66, 0.38),
        ]
    )
    ball = colours[turn.long() % 6].movedim(-1, 0)
    seam = torch.minimum(turn.frac(), 1 - turn.frac()) * (1 - n[2] ** 2).sqrt()
    ball = mix(ball, ball * 0.72, ramp(seam, 0.035, 0.015))
    ball = mix(ball, solid((0.97, 0.96, 0.92)), ramp(n[2].abs(), 0.945, 0.955))
    return ball * (1 + 0.03 * _waves(n, generator, 30, 24))


def planet(side: int, generator: torch.Generator) -> Tensor:
    """Return a small world: seas, coasts, woods, ice and clouds."""
    n = directions(side)
    terrain = sum(
        (0.6**i * _waves(n, generator, 2.6 * 2**i, 14) for i in range(5)), torch.zeros(side, side)
    )
    sea = mix(solid((0.06, 0.18, 0.42)), solid((0.16, 0.52, 0.66)), ramp(terrain, -1.2, 0.2))
    land = mix(solid((0.80, 0.72, 0.46)), solid((0.24, 0.48, 0.20)), ramp(terrain, 0.22, 0.6))
    land = mix(land, solid((0.50, 0.42, 0.33)), ramp(terrain, 1.1, 1.7))
    globe = mix(sea, land, ramp(terrain, 0.18, 0.24))
    ice = ramp(n[2].abs() + 0.05 * terrain, 0.84, 0.9)
    globe = mix(globe, solid((0.93, 0.96, 0.98)), ice)
    swirl = sum(
        (
            0.6**i
            * _waves(n * torch.tensor([1.0, 1.0, 2.2])[:, None, None], generator, 4 * 2**i, 12)
            for i in range(4)
        ),
        torch.zeros(side, side),
    )
    return mix(globe, solid((0.98, 0.98, 0.98)), 0.85 * ramp(swirl, 0.5, 1.6))


def marble(side: int, generator: torch.Generator, base: Colour, vein: Colour) -> Tensor:
    """Return polished stone with veins."""
    n = directions(side)
    warp = _waves(n, generator, 5, 16) + 0.5 * _waves(n, generator, 13, 16)
    lines = torch.sin(6 * n[0] + 4 * n[2] + 1.6 * warp).abs()
    stone = solid(base) * (1 + 0.07 * _waves(n, generator, 22, 20))
    return mix(stone, solid(vein), 0.85 * ramp(lines, 0.22, 0.0))
