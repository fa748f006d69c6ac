"""Rows of the scene table: rectangles, cards, spheres and boxes, from plain numbers.

Points and directions are (x, y, z) tuples in world axes, metres; what they look like is a Finish.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Vec = tuple[float, float, float]
Row = list[float]

RECTANGLE, SPHERE, CARD, ELLIPSOID = 0.0, 1.0, 2.0, 3.0


@dataclass(frozen=True)
class Finish:
    """The look of a surface.

    texture   its number; repeats: of the texture along the two edges
    corner_m  width of the darkened border; shadowed: the scene's shadows fall on it
    glow      least light it shows, in [0, 1]
    """

    texture: int
    repeats: tuple[float, float] = (1.0, 1.0)
    corner_m: float = 0.0
    shadowed: bool = False
    glow: float = 0.0


def rectangle(origin: Vec, right: Vec, down: Vec, finish: Finish) -> Row:
    """Return the rectangle at corner `origin` with perpendicular edges `right` and `down`."""
    return _row(RECTANGLE, finish, origin, right, down)


def card(origin: Vec, right: Vec, down: Vec, finish: Finish) -> Row:
    """Return a rectangle that exists only where its texture's alpha is at least one half."""
    return _row(CARD, finish, origin, right, down)


def sphere(centre: Vec, radius_m: float, finish: Finish, *, spin: float = 0.0) -> Row:
    """Return a sphere turned by `spin` radians around its vertical axis.

    The texture's middle is the top pole, its corners are the bottom one.
    """
    c, s = radius_m * math.cos(spin), radius_m * math.sin(spin)
    return _row(SPHERE, finish, centre, (c, 0.0, s), (-s, 0.0, c))


def ellipsoid(centre: Vec, one: Vec, two: Vec, third_m: float, finish: Finish) -> Row:
    """Return an ellipsoid: two perpendicular radii, and the length of the third, one × two.

    The texture's middle is the end of the third radius.
    """
    row = _row(ELLIPSOID, finish, centre, one, two)
    row[11] = third_m
    return row


def box(centre: Vec, size: Vec, finish: Finish, *, yaw: float = 0.0) -> list[Row]:
    """Return the six faces of a box turned by `yaw` radians around its vertical axis."""
    c, s = math.cos(yaw), math.sin(yaw)
    x: Vec = (size[0] * c, 0.0, size[0] * s)
    y: Vec = (0.0, size[1], 0.0)
    z: Vec = (-size[2] * s, 0.0, size[2] * c)
    faces = [(x, y, z, -1), (x, y, z, 1), (z, y, x, -1), (z, y, x, 1), (x, z, y, -1), (x, z, y, 1)]
    rows = []
    for right, down, out, side in faces:
        corner = tuple(centre[i] + (side * out[i] - right[i] - down[i]) / 2 for i in range(3))
        rows.append(rectangle((corner[0], corner[1], corner[2]), right, down, finish))
    return rows


def shadow(
    centre: Vec,
    half_size: tuple[float, float],
    *,
    softness_m: float,
    strength: float,
    yaw: float = 0.0,
) -> Row:
    """Return a soft shadow that lies on horizontal surfaces: half length and width, turned."""
    return [*centre, math.cos(yaw), 0.0, math.sin(yaw), *half_size, softness_m, strength]


def _row(kind: float, finish: Finish, origin: Vec, u: Vec, v: Vec) -> Row:
    return [
        kind,
        float(finish.texture),
        *origin,
        *u,
        *v,
        *finish.repeats,
        finish.corner_m,
        float(finish.shadowed),
        finish.glow,
    ]
