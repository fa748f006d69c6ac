"""Round parts of bodies and plants: a limb between two joints, an egg with three radii."""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row, Vec
from stereocast.training.scenes.world.solids import Coat, Place, ball, bar


def limb(
    start: Vec,
    end: Vec,
    radius: float,
    coat: Coat,
    *,
    deep: float = 1.0,
    place: Place | None = None,
) -> list[Row]:
    """Return a limb between two points; `deep`: its thickness along `place`'s z, as a share."""
    return bar(start, end, 1.7 * radius, coat)


def egg(centre: Vec, radii: Vec, place: Place, coat: Coat) -> list[Row]:
    """Return an ellipsoid with these half axes along a place's x, y and z."""
    return [ball(centre, math.prod(radii) ** (1 / 3), coat, spin=-place.yaw)]
