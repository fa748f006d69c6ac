"""What grows and lives, and the sky above it: grass, leaves, bark, skin, fur, clouds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stereocast.kernels.raycast.paintings import directions
from stereocast.kernels.raycast.textures import Colour, grid, mix, noise, ramp, solid
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world.materials import Material


def green(draws: Draws, low: float = 0.3, high: float = 0.8) -> Colour:
    """Return the colour of leaves: mostly green, some yellow, red or bluish."""
    value, turn = draws.uniform(low, high), draws.uniform(0, 1)
    if turn < 0.12:
        return value * 1.3, value * draws.uniform(0.5, 0.9), value * 0.25
    return value * draws.uniform(0.4, 0.95), value, value * draws.uniform(0.2, 0.6)


def grass(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a meadow from above: tufts, dry patches."""
    base = mix(
        solid(green(draws)),
        solid(green(draws)),
        ramp(noise(side, (3, 3), draws.generator, 5), -1, 1),
    )
    blades = noise(side, (side // 2, side // 2), draws.generator, 1)
    return (base * (1 + draws.uniform(0.1, 0.25) * blades)).clamp(0, 1), None


def earth(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return soil, sand or gravel."""
    value = draws.uniform(0.25, 0.8)
    tone = solid((value, value * draws.uniform(0.75, 0.95), value * draws.uniform(0.5, 0.85)))
    rough = noise(side, (16, 16), draws.generator, 4)
    return (tone * (1 + 0.12 * rough + 0.08 * noise(side, (3, 3), draws.generator, 3))).clamp(
        0, 1
    ), None


def bark(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return bark: long upright cracks."""
    value = draws.uniform(0.2, 0.6)
    tone = solid((value, value * draws.uniform(0.7, 0.95), value * draws.uniform(0.5, 0.85)))
    return (tone * (1 + 0.25 * noise(side, (4, 24), draws.generator, 3))).clamp(0, 1), None


def foliage(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a dense crown seen from outside: lit leaves above dark gaps."""
    leaves = noise(side, (side // 8, side // 8), draws.generator, 3)
    tone = mix(solid(green(draws, 0.15, 0.35)), solid(green(draws)), ramp(leaves, -1.0, 1.2))
    return tone.clamp(0, 1), None


def spray(side: int, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return a ragged bunch of leaves with holes, cut out."""
    x, y = grid(side)
    rgb, _ = foliage(side, draws)
    oval = torch.hypot((x - 0.5) / 0.5, (y - 0.5) / 0.5)
    coarse = noise(side, (4, 4), draws.generator, 2)
    fine = noise(side, (side // 8, side // 8), draws.generator, 1)
    body = 0.85 + 0.25 * coarse + draws.uniform(0.1, 0.3) * fine - oval
    return rgb, ramp(body, -0.03, 0.03) * ramp(oval, 0.99, 0.93)


def tuft(side: int, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return stalks that rise from the lower edge, with or without blossoms, cut out."""
    x, y = grid(side)
    stalks = draws.whole(9, 16)
    alpha = torch.zeros(side, side)
    rgb = solid(green(draws)) * (1 + 0.15 * noise(side, (2, 16), draws.generator, 2))
    petals = solid(draws.colour(0.7, 1.0, saturation=(0.2, 0.9)))
    has_blossoms = draws.uniform(0, 1) < 0.5
    for _ in range(stalks):
        foot, tip, tall = (
            draws.uniform(0.3, 0.7),
            draws.uniform(0.05, 0.95),
            draws.uniform(0.5, 0.93),
        )
        rise = (1 - y) / tall
        centre = foot + (tip - foot) * rise * rise
        here = ramp((x - centre).abs(), 0.02 + 0.02 * (1 - tall), 0.012) * (rise < 1)
        alpha = torch.maximum(alpha, here)
        if has_blossoms:
            head = ramp(torch.hypot(x - tip, y - 1 + tall), 0.055, 0.04)
            alpha, rgb = torch.maximum(alpha, head), mix(rgb, petals, head)
    return rgb.clamp(0, 1), alpha


def litter(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a floor of fallen leaves: brown, pale and green ones over each other, dark between."""
    x, y = grid(side)
    value, fresh = draws.uniform(0.5, 1.0), draws.uniform(0.0, 0.35)
    picture = solid((0.2 * value, 0.15 * value, 0.12 * value)) + torch.zeros(3, side, side)
    for _ in range(draws.whole(180, 340)):
        tone, size = value * draws.uniform(0.4, 1.2), draws.uniform(0.02, 0.06)
        colour = (
            green(draws, 0.3, 0.7)
            if draws.uniform(0, 1) < fresh
            else (tone, tone * draws.uniform(0.62, 0.9), tone * draws.uniform(0.4, 0.75))
        )
        turn, narrow = draws.uniform(0, 3.1416), draws.uniform(0.3, 0.7)
        u, v = (((w - draws.uniform(0, 1) + 0.5) % 1.0) - 0.5 for w in (x, y))
        along = u * math.cos(turn) + v * math.sin(turn)
        across = v * math.cos(turn) - u * math.sin(turn)
        apart = torch.hypot(along, across / narrow) / size
        lit = 1 + 0.25 * (across / (narrow * size)).clamp(-1, 1)  # it is curled
        picture = mix(picture, solid(colour) * lit, ramp(apart, 1.05, 0.9))
    return picture.clamp(0, 1), None


def hedge(side: int, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return a wall of small leaves that lets through what is behind it, thinner upwards."""
    _, y = grid(side)
    cells = side // draws.whole(4, 12)
    leaves = noise(side, (cells, cells), draws.generator, 2)
    clumps = noise(side, (4, 4), draws.generator, 3)
    pale = draws.uniform(0.0, 0.6)
    dark, light = green(draws, 0.15, 0.4), green(draws, 0.4, 0.95)
    if draws.uniform(0, 1) < 0.3:  # twigs and dry leaves
        dark, light = _dry(draws, 0.12, 0.35), _dry(draws, 0.35, 0.85)
    fine = noise(side, (side // 2, side // 2), draws.generator, 1)
    tone = mix(solid(dark), solid(light), ramp(leaves + 0.5 * fine, -1.2, 1.4))
    tone = mix(tone, solid((0.75, 0.78, 0.6)) + 0 * tone, torch.full((side, side), pale))
    fill = draws.uniform(-0.6, 0.5) + 1.2 * (y - 0.5)
    edges = torch.minimum(y, 1 - y).clamp_max(0.06) / 0.06 - 1
    return tone.clamp(0, 1), ramp(leaves + 0.8 * clumps + fill + 3 * edges, -0.1, 0.1)


def ridge(side: int, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return the outline of far hills, woods or roofs, cut out above its crest."""
    _, y = grid(side)
    jagged = draws.uniform(0, 1)
    crest = 0.45 + 0.12 * noise(side, (1, 2), draws.generator, 5 if jagged < 0.6 else 2)
    if jagged > 0.8:
        steps = torch.rand(24, generator=draws.generator)
        crest = 0.25 + 0.5 * steps[(torch.arange(side) * 24 // side)][None].expand(side, -1)
    pale = draws.uniform(0.0, 0.7)
    tone = mix(solid(green(draws)), solid((0.6, 0.7, 0.82)), torch.full((side, side), pale))
    rgb = tone * (1 + (0.16 - 0.12 * pale) * noise(side, (12, 12), draws.generator, 4))
    return rgb.clamp(0, 1), ramp(y - crest, -0.004, 0.004)


def skin(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return bare skin of any tone."""
    tone = _skin_tone(draws)
    return solid(tone) * (1 + 0.04 * noise(side, (8, 8), draws.generator, 4)), None


def face(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return a head, unfolded from directions: the second axis is where it looks, the third up."""
    n = directions(side)
    ahead, aside, up = n[1], n[0], n[2]
    rgb = solid(_skin_tone(draws)) * (1 + 0.03 * noise(side, (6, 6), draws.generator, 3))
    dark, ahead_of = solid((0.08, 0.06, 0.06)), ramp(ahead, 0.1, 0.3)
    for centre in (-0.33, 0.33):
        eye = torch.hypot((aside - centre) / 0.14, (up - 0.12) / 0.07)
        rgb = mix(rgb, solid((0.9, 0.9, 0.9)), ramp(eye, 1.0, 0.8) * ahead_of)
        rgb = mix(rgb, dark, ramp(eye, 0.6, 0.4) * ahead_of)
        brow = torch.hypot((aside - centre) / 0.2, (up - 0.3) / 0.04)
        rgb = mix(rgb, dark, 0.7 * ramp(brow, 1.0, 0.7) * ahead_of)
    mouth = torch.hypot(aside / 0.25, (up + 0.42) / 0.06)
    rgb = mix(rgb, solid((0.6, 0.25, 0.25)), 0.8 * ramp(mouth, 1.0, 0.7) * ahead_of)
    nose = torch.hypot(aside / 0.09, (up + 0.12) / 0.18)
    rgb = mix(rgb, rgb * 0.75, ramp(nose, 1.2, 0.8) * ahead_of)
    line = draws.uniform(0.35, 0.6)
    hair = ramp(up - line * ahead.clamp_min(-0.6) - 0.15 * (ahead < 0), -0.03, 0.03)
    value = draws.uniform(0.04, 0.6)
    tone = solid((value, value * draws.uniform(0.6, 0.9), value * draws.uniform(0.3, 0.8)))
    streaks = 1 + 0.2 * noise(side, (16, 16), draws.generator, 2)
    return mix(rgb, tone * streaks, hair).clamp(0, 1), None


def fur(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return fur, plain or in patches of a second colour."""
    value = draws.uniform(0.1, 0.9)
    one = solid((value, value * draws.uniform(0.7, 1), value * draws.uniform(0.5, 1)))
    two = solid((0.1, 0.09, 0.08)) if value > 0.5 else solid((0.9, 0.88, 0.85))
    patches = noise(side, (3, 3), draws.generator, 2)
    limit = draws.uniform(0.2, 3.0)
    strands = 1 + 0.12 * noise(side, (side // 2, side // 4), draws.generator, 1)
    return (mix(one, two, ramp(patches, limit, limit + 0.1)) * strands).clamp(0, 1), None


def sky(side: int, draws: Draws) -> tuple[Tensor, None]:
    """Return the sky from 63° above (first row) down to the horizon (0.86 of the way) and below."""
    _, y = grid(side)
    mood = draws.uniform(0, 1)
    if mood < 0.5:
        top, low = (0.25, 0.45, 0.85), (0.72, 0.84, 0.97)
    elif mood < 0.8:
        grey = draws.uniform(0.55, 0.95)
        top, low = (grey * 0.9, grey * 0.93, grey * 0.97), (grey, grey, grey)
    elif mood < 0.95:
        top, low = (0.3, 0.36, 0.6), (1.0, 0.72, 0.5)
    else:
        top, low = (0.03, 0.04, 0.1), (0.12, 0.12, 0.2)
    gloom = draws.uniform(0.8, 1.0)
    picture = mix(solid(top), solid(low), (y / 0.86).clamp(0, 1) ** draws.uniform(1.0, 2.5)) * gloom
    clouds = noise(side, (6, 2), draws.generator, 5)
    cover = draws.uniform(-0.8, 1.6)
    lit = solid((1.0, 0.98, 0.95)) if mood < 0.8 else solid(low)
    share = ramp(clouds, cover, cover + draws.uniform(0.5, 1.5)) * 0.85 * ramp(y, 0.86, 0.75)
    return mix(picture, lit * gloom + 0 * picture, share).clamp(0, 1), None


def _dry(draws: Draws, low: float, high: float) -> Colour:
    value = draws.uniform(low, high)
    return value, value * draws.uniform(0.75, 0.98), value * draws.uniform(0.5, 0.8)


def _skin_tone(draws: Draws) -> Colour:
    value = draws.uniform(0.3, 0.92)
    return value, value * draws.uniform(0.68, 0.82), value * draws.uniform(0.5, 0.7)


GROWN: dict[str, Material] = {
    "grass": Material(grass, 2.5, 2),
    "earth": Material(earth, 2.0, 2),
    "bark": Material(bark, 0.8, 1),
    "foliage": Material(foliage, 2.0, 2),
    "spray": Material(spray, 1.0, 3),
    "tuft": Material(tuft, 1.0, 2),
    "litter": Material(litter, 1.2, 1),
    "hedge": Material(hedge, 1.0, 4),
    "ridge": Material(ridge, 1.0, 2),
    "skin": Material(skin, 0.5, 2),
    "face": Material(face, 1.0, 2),
    "fur": Material(fur, 1.0, 2),
    "sky": Material(sky, 1.0, 1),
}
