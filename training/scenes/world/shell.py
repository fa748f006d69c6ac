"""The shell of a room, and what stands and hangs along its walls."""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row, rectangle
from stereocast.training.scenes.world import furniture, plants
from stereocast.training.scenes.world.openings import (
    Opening,
    draw_windows,
    frame,
    next_room,
    outlook,
    wall,
)
from stereocast.training.scenes.world.solids import Place, block, panel
from stereocast.training.scenes.world.stage import Stage

WALLS = ("plain", "plain", "plain", "plaster", "wood", "bricks", "printed", "cloudy")
FLOORS = ("wood", "tiles", "fabric", "plaster", "plain", "cloudy")


def shell(
    stage: Stage, bounds: tuple[float, float, float, float], tall: float, *, openings: float = 0.35
) -> None:
    """Put up floor, ceiling and four walls; `bounds`: left, right, back, front.

    openings  how often a wall that the camera may see has windows; half as often a doorway
    """
    left, right, back, front = bounds
    wide, deep = right - left, front - back
    floor = stage.coat(*FLOORS).over(wide, deep, corner_m=0.5, shadowed=True)
    stage.add(rectangle((left, 0, back), (wide, 0, 0), (0, 0, deep), floor))
    above = stage.coat("plain", "plain", "plaster", "wood").over(wide, deep, corner_m=0.5)
    stage.add(rectangle((left, -tall, back), (wide, 0, 0), (0, 0, deep), above))
    coat, frames = stage.coat(*WALLS), stage.coat("plain", "wood", "dark")
    skirting = stage.coat("plain", "wood", "dark") if stage.chance(0.6) else None
    # Local z of each points out of the room.
    sides = [
        (Place(left, back, -math.pi / 2), deep, True),
        (Place(left, front, 0.0), wide, True),
        (Place(right, front, math.pi / 2), deep, True),
        (Place(right, back, math.pi), wide, False),
    ]
    looks_out = False
    for place, length, is_seen in sides:
        worn = coat if stage.chance(0.75) else stage.coat(*WALLS)
        holes: list[Opening] = []
        if is_seen and stage.chance(openings):
            holes, looks_out = draw_windows(stage, length, tall), True
            for hole in holes:
                stage.add(*frame(place, hole, frames, stage.draws.whole(1, 3)))
        elif is_seen and length > 2.5 and stage.chance(0.5 * openings):
            start = stage.draws.uniform(0.5, length - 1.6)
            holes = [Opening(start, stage.draws.uniform(0.8, 1.1), 0.0, 2.05)]
            next_room(stage, place, holes[0], tall, deep=stage.draws.uniform(2, 6))
        stage.add(*wall(place, length, tall, worn, holes))
        for hole in holes:
            spot = place.point(hole.start + hole.wide / 2, 0, 0)
            stage.taken.append((spot[0], spot[2], 0.4 * hole.wide))
        if skirting is not None and not holes:
            here = place.at(length / 2, -0.015)
            stage.add(panel(here, (0, 0, 0), length, 0.09, skirting, whole=False))
    if looks_out:
        outlook(stage)


DEPTHS = {
    "sofa": (0.5, 0.9),
    "bed": (0.05, 0.95),
    "shelf": (0.05, 0.7),
    "cabinet": (0.05, 0.75),
    "lamp": (0.25, 0.2),
    "plant": (0.3, 0.25),
    "desk": (0.4, 0.65),
    "tv": (0.3, 0.65),
    "chair": (0.35, 0.3),
    "box": (0.3, 0.25),
}
"""Distance from the wall to a thing's middle, and the radius of the ground it takes."""


def stand(
    stage: Stage, x: float, z: float, off: float, facing: float, kinds: tuple[str, ...]
) -> None:
    """Put one of these kinds of furniture at a wall, if there is room."""
    draws = stage.draws
    kind = kinds[draws.whole(0, len(kinds) - 1)]
    depth, radius = DEPTHS[kind]
    place = Place(x, z, facing).at(0, depth - off)
    middle = place.at(0, 1.0 if kind == "bed" else 0.2 if depth == 0.05 else 0)
    if not stage.claim(middle.x, middle.z, radius):
        return
    stage.add(*_piece(stage, place, kind))
    stage.shades.append(stage.shade(middle, (0.7 * radius, 0.3), 0.5))


def _piece(stage: Stage, place: Place, kind: str) -> list[Row]:
    draws = stage.draws
    if kind == "lamp":
        return furniture.floor_lamp(stage, place)
    if kind == "plant":
        return plants.potted(stage, place, draws.uniform(0.5, 1.6))
    if kind == "chair":
        return furniture.chair(stage, place)
    if kind == "box":
        size = draws.uniform(0.25, 0.6)
        return block(
            place,
            (0, 0, 0),
            (size, size, size),
            stage.coat("printed", "wood", "enamel"),
            yaw=draws.normal(0.3),
        )
    if kind in ("desk", "tv"):
        tall = draws.uniform(0.4, 0.75)
        rows = furniture.table(stage, place, wide=1.2, deep=0.6, tall=tall)
        return rows + furniture.screen(
            stage, Place(place.x, place.z, place.yaw, -tall), wide=draws.uniform(0.5, 1.1)
        )
    make = {
        "sofa": furniture.sofa,
        "bed": furniture.bed,
        "shelf": furniture.shelf,
        "cabinet": furniture.cabinet,
    }
    return make[kind](stage, place)


def hang(stage: Stage, place: Place, tall: float) -> None:
    """Hang a picture, a window or a door on a wall."""
    draws, sort = stage.draws, stage.draws.uniform(0, 1)
    if sort < 0.45:
        size = draws.uniform(0.3, 1.0)
        row = panel(
            place, (0, -1.3, 0.02), size, size * draws.uniform(0.6, 1.3), stage.coat("painting")
        )
    elif sort < 0.8:
        wide, high = draws.uniform(0.6, 2.0), draws.uniform(0.4, 1.3)
        coat = stage.coat("painting", "cloudy", "printed", "fabric", "wood")
        row = panel(place, (0, -0.9, 0.01), wide, min(high, tall - 1.1), coat)
    else:
        row = panel(place, (0, 0, 0.01), 0.9, 2.05, stage.coat("wood", "plain", "enamel"))
    if stage.claim(place.x, place.z, 0.45):
        stage.add(row)
