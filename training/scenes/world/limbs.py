"""Round parts of bodies and plants: a limb between two joints, an egg with three radii, a trunk."""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row, Vec, ellipsoid
from stereocast.training.scenes.world.solids import Coat, Place

BEYOND = 1.18
"""How far a limb reaches beyond its joints: neighbours overlap, so that joints are no waists."""


def limb(
    start: Vec,
    end: Vec,
    radius: float,
    coat: Coat,
    *,
    place: Place | None = None,
    deep: float = 1.0,
) -> list[Row]:
    """Return a limb between two points of the world, `radius` thick in its middle.

    place, deep  along this place's z it is thinner or thicker by this share
    """
    along = [(b - a) / 2 for a, b in zip(start, end, strict=True)]
    half = math.hypot(*along)
    ax, ay, az = (value / half for value in along)
    # The first radius is level and, where a place is given, points as near to its x as may be.
    level = place.vector(1.0, 0.0, 0.0) if place is not None else (-az, 0.0, ax)
    if math.hypot(level[0], level[2]) < 1e-3:
        level = (1.0, 0.0, 0.0)
    inwards = level[0] * ax + level[2] * az
    one = [level[0] - inwards * ax, -inwards * ay, level[2] - inwards * az]
    size = math.hypot(*one)
    x, y, z = (value / size for value in one)
    other = (y * az - z * ay, z * ax - x * az, x * ay - y * ax)
    first = (radius * x, radius * y, radius * z)
    second = (deep * radius * other[0], deep * radius * other[1], deep * radius * other[2])
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    return [ellipsoid(middle, first, second, BEYOND * half, coat.once())]


def egg(centre: Vec, radii: Vec, place: Place, coat: Coat) -> list[Row]:
    """Return an ellipsoid with these half axes along a place's x, y and z; its pole is up."""
    one, two = place.vector(radii[0], 0.0, 0.0), place.vector(0.0, 0.0, radii[2])
    return [ellipsoid(centre, one, two, radii[1], coat.once())]


def trunk(place: Place, lean: float, tall: float, radius: float, coat: Coat) -> list[Row]:
    """Return a trunk, thickest at the ground, thin at `tall`, where it leans by `lean` metres."""
    foot, top = place.point(-lean * 0.8, 0.8 * tall, 0.0), place.point(lean, -tall, 0.0)
    return limb(foot, top, radius, coat)
