"""Solid things from the ray caster's primitives: blocks, bars, prisms, balls and cut-out panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stereocast.kernels.raycast.primitives import Finish, Row, Vec, card, rectangle, sphere

LEAST_REPEAT = 0.05


@dataclass(frozen=True)
class Coat:
    """A texture, the width of one sheet of it in metres, and the least light it shows."""

    texture: int
    sheet_m: float
    glow: float = 0.0

    def over(
        self, wide_m: float, tall_m: float, *, corner_m: float = 0.0, shadowed: bool = False
    ) -> Finish:
        """Return the finish of a surface of this size."""
        repeats = (
            max(wide_m / self.sheet_m, LEAST_REPEAT),
            max(tall_m / self.sheet_m, LEAST_REPEAT),
        )
        return Finish(self.texture, repeats, corner_m, shadowed, self.glow)

    def once(self, *, shadowed: bool = False) -> Finish:
        """Return the finish of a surface that shows the sheet once."""
        return Finish(self.texture, shadowed=shadowed, glow=self.glow)


@dataclass(frozen=True)
class Place:
    """A point of the ground and a heading: things are described in its axes.

    yaw  radians that local z is turned to the right of world z; local x right, y down, z ahead
    """

    x: float
    z: float
    yaw: float = 0.0
    y: float = 0.0

    def point(self, x: float, y: float, z: float) -> Vec:
        """Return a local point in the world."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return self.x + x * c + z * s, self.y + y, self.z + z * c - x * s

    def vector(self, x: float, y: float, z: float) -> Vec:
        """Return a local direction in the world."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return x * c + z * s, y, z * c - x * s

    def at(self, x: float, z: float, yaw: float = 0.0, y: float = 0.0) -> Place:
        """Return a place given in this one's axes."""
        px, py, pz = self.point(x, y, z)
        return Place(px, pz, self.yaw + yaw, py)


def cuboid(centre: Vec, x: Vec, y: Vec, z: Vec, coat: Coat, *, faces: str = "xXyYzZ") -> list[Row]:
    """Return the faces of a box with these perpendicular edges; small letters: the low side."""
    pairs = {"x": (z, y, x), "y": (x, z, y), "z": (x, y, z)}
    rows = []
    for face in faces:
        right, down, out = pairs[face.lower()]
        half = 0.5 if face.isupper() else -0.5
        corner = tuple(centre[i] + half * out[i] - (right[i] + down[i]) / 2 for i in range(3))
        finish = coat.over(math.hypot(*right), math.hypot(*down))
        rows.append(rectangle((corner[0], corner[1], corner[2]), right, down, finish))
    return rows


def block(place: Place, foot: Vec, size: Vec, coat: Coat, *, yaw: float = 0.0) -> list[Row]:
    """Return a box standing on the local point `foot`: width, height, depth; no lower face."""
    here = place.at(foot[0], foot[2], yaw, foot[1])
    x, y, z = (here.vector(*edge) for edge in ((size[0], 0, 0), (0, size[1], 0), (0, 0, size[2])))
    faces = "xXyzZ" if place.y + foot[1] > -0.05 else "xXyYzZ"
    return cuboid(here.point(0, -size[1] / 2, 0), x, y, z, coat, faces=faces)


def bar(start: Vec, end: Vec, thick: float, coat: Coat) -> list[Row]:
    """Return a square bar between two points of the world; its ends are open."""
    along = [b - a for a, b in zip(start, end, strict=True)]
    length = math.hypot(*along)
    ax, ay, az = (value / length for value in along)
    across = (-az, 0.0, ax) if abs(ay) < 0.95 else (0.0, az, -ay)
    size = math.hypot(*across)
    px, py, pz = (thick * value / size for value in across)
    other = (ay * pz - az * py, az * px - ax * pz, ax * py - ay * px)
    middle = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    down: Vec = (along[0], along[1], along[2])
    return cuboid((middle[0], middle[1], middle[2]), (px, py, pz), down, other, coat, faces="xXzZ")


def prism(
    place: Place,
    foot: Vec,
    radius: float,
    tall: float,
    coat: Coat,
    *,
    sides: int = 8,
    lid: Coat | None = None,
) -> list[Row]:
    """Return an upright prism instead of a cylinder, with a round lid where a coat is given."""
    rows = []
    reach, wide = radius * math.cos(math.pi / sides), 2 * radius * math.sin(math.pi / sides)
    for side in range(sides):
        here = place.at(foot[0], foot[2], math.tau * side / sides, foot[1])
        finish = coat.over(wide, tall)
        rows.append(
            rectangle(
                here.point(-wide / 2, -tall, reach),
                here.vector(wide, 0, 0),
                (0.0, tall, 0.0),
                finish,
            )
        )
    if lid is not None:
        corner = place.point(foot[0] - radius, foot[1] - tall, foot[2] - radius)
        edges = place.vector(2 * radius, 0, 0), place.vector(0, 0, 2 * radius)
        rows.append(card(corner, *edges, lid.once()))
    return rows


def ball(centre: Vec, radius: float, coat: Coat, *, spin: float = 0.0) -> Row:
    """Return a sphere at a point of the world."""
    return sphere(centre, radius, coat.once(), spin=spin)


def panel(
    place: Place,
    foot: Vec,
    wide: float,
    tall: float,
    coat: Coat,
    *,
    cut: bool = False,
    whole: bool = True,
) -> Row:
    """Return an upright sheet facing along local z, its lower edge's middle on `foot`.

    cut    its texture's alpha cuts it out; whole: it shows the texture once, else in its size
    """
    finish = coat.once() if whole else coat.over(wide, tall)
    make = card if cut else rectangle
    corner = place.point(foot[0] - wide / 2, foot[1] - tall, foot[2])
    return make(corner, place.vector(wide, 0, 0), (0.0, tall, 0.0), finish)


def slab(centre: Vec, wide: float, deep: float, finish: Finish) -> Row:
    """Return a level rectangle around a point, its texture's first edge along x."""
    corner = (centre[0] - wide / 2, centre[1], centre[2] - deep / 2)
    return rectangle(corner, (wide, 0.0, 0.0), (0.0, 0.0, deep), finish)


def extent(rows: Sequence[Row]) -> float:
    """Return the highest point of some rows above the ground, metres."""
    return max(-min(row[3], row[3] + row[6], row[3] + row[9]) for row in rows)
