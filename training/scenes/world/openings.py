"""Windows and doorways: real holes in walls, with a next room or the open behind them.

A painted window would teach that what lies outside is as near as its wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from stereocast.kernels.raycast.primitives import Row, rectangle
from stereocast.training.scenes.world import plants
from stereocast.training.scenes.world.solids import Coat, Place, bar, block, panel, slab
from stereocast.training.scenes.world.stage import Stage


@dataclass(frozen=True)
class Opening:
    """A hole: where it begins along its wall, its width, its lower and upper edge, metres."""

    start: float
    wide: float
    low: float
    high: float


def wall(place: Place, length: float, tall: float, coat: Coat, holes: list[Opening]) -> list[Row]:
    """Return a wall from `place` along its local x, without what lies in holes, left to right."""
    if not holes:
        return [_piece(place, 0.0, length, 0.0, tall, coat, 0.5)]
    rows, reached = [], 0.0
    for hole in holes:
        end = hole.start + hole.wide
        rows.append(_piece(place, reached, hole.start, 0.0, tall, coat, 0.0))
        rows.append(_piece(place, hole.start, end, hole.high, tall, coat, 0.0))
        if hole.low > 0:
            rows.append(_piece(place, hole.start, end, 0.0, hole.low, coat, 0.0))
        reached = end
    return [*rows, _piece(place, reached, length, 0.0, tall, coat, 0.0)]


def _piece(
    place: Place, left: float, right: float, low: float, high: float, coat: Coat, corner_m: float
) -> Row:
    finish = coat.over(right - left, high - low, corner_m=corner_m)
    across = place.vector(right - left, 0.0, 0.0)
    return rectangle(place.point(left, -high, 0.0), across, (0.0, high - low, 0.0), finish)


def frame(place: Place, hole: Opening, coat: Coat, panes: int) -> list[Row]:
    """Return the frame of a window, with bars between its panes."""
    left, right = hole.start, hole.start + hole.wide
    rows: list[Row] = []
    for number in range(panes + 1):
        x = left + hole.wide * number / panes
        rows += bar(place.point(x, -hole.low, 0), place.point(x, -hole.high, 0), 0.05, coat)
    for y in (hole.low, hole.high, 0.4 * hole.low + 0.6 * hole.high):
        rows += bar(place.point(left, -y, 0), place.point(right, -y, 0), 0.05, coat)
    return rows


def draw_windows(stage: Stage, length: float, tall: float) -> list[Opening]:
    """Draw one to three equal windows along a wall."""
    draws = stage.draws
    count = draws.whole(1, max(1, min(3, int(length / 2.2))))
    wide = draws.uniform(0.5, 0.75) * length / count if stage.chance(0.3) else 1.1
    wide = min(wide, 0.8 * length / count)
    low = draws.uniform(0.0, 0.3) if stage.chance(0.25) else draws.uniform(0.7, 1.0)
    high = draws.uniform(1.9, tall - 0.2)
    step = length / count
    return [Opening((n + 0.5) * step - wide / 2, wide, low, high) for n in range(count)]


def next_room(stage: Stage, place: Place, hole: Opening, tall: float, *, deep: float) -> None:
    """Build what is seen through a doorway: floor, ceiling, three walls, something at the end.

    place  the wall's; local z points out of the first room
    """
    draws = stage.draws
    middle, half = hole.start + hole.wide / 2, draws.uniform(0.7, 2.5)
    coat, floor = stage.coat("plain", "plaster", "wood"), stage.coat("wood", "tiles", "plain")
    edges = place.vector(2 * half, 0, 0), place.vector(0, 0, deep)
    for y, worn in ((0.0, floor), (-tall, stage.coat("plain"))):
        corner = place.point(middle - half, y + 0.002, 0.01)
        stage.add(rectangle(corner, *edges, worn.over(2 * half, deep)))
    end = place.at(middle - half, deep)
    stage.add(*wall(end, 2 * half, tall, coat, []))
    for x, turn in ((middle - half, -math.pi / 2), (middle + half, -math.pi / 2)):
        stage.add(*wall(place.at(x, 0.01, turn), deep, tall, coat, []))
    thing = place.at(middle + draws.uniform(-0.5, 0.5) * half, deep - 0.4)
    size = draws.uniform(0.3, 0.6)
    stage.add(*block(thing, (0, 0, 0), (size, draws.uniform(0.4, 1.6), size), stage.coat("wood")))
    picture = place.at(middle, deep - 0.02)
    stage.add(panel(picture, (0, -1.2, 0), 0.8, draws.uniform(0.5, 1.0), stage.coat("painting")))


def outlook(stage: Stage) -> None:
    """Put up what windows look out on: sky, ground at or below the floor, trees, houses, hills."""
    draws = stage.draws
    stage.sky = stage.coat("sky", glow=1.0)
    drop = 0.1 if stage.chance(0.5) else draws.uniform(2, 12)
    glow = draws.uniform(0.4, 0.9)
    ground = stage.coat("grass", "asphalt", "earth", glow=glow).over(600, 600)
    stage.add(slab((0, drop, 0), 600, 600, ground))
    bark = stage.coat("bark", glow=0.3)
    for _ in range(draws.whole(2, 7)):
        far, angle = draws.uniform(13, 45), draws.uniform(-1.7, 1.7)
        place = Place(far * math.sin(angle), far * math.cos(angle), draws.uniform(0, 3), drop)
        if stage.chance(0.6):
            stage.add(*plants.tree(stage, place, draws.uniform(4, 12), bark, "leafy"))
        else:
            coat = stage.coat("facade", "bricks", glow=0.7 * glow)
            stage.add(*block(place, (0, 0, 0), (9, draws.uniform(4, 14) + drop, 9), coat))
