"""Furniture: boards, cushions and legs, each in the axes of the place it stands on.

Local z points into the room, away from the wall behind; sizes are those of common furniture.
"""

from __future__ import annotations

from stereocast.kernels.raycast.primitives import Row
from stereocast.training.scenes.world.solids import Place, ball, block, panel, prism
from stereocast.training.scenes.world.stage import Stage


def table(stage: Stage, place: Place, *, wide: float, deep: float, tall: float) -> list[Row]:
    """Return a table: a board on four legs."""
    coat = stage.coat("wood", "plain", "enamel", "printed")
    leg = stage.draws.uniform(0.03, 0.08)
    rows = block(place, (0, -tall + 0.04, 0), (wide, 0.04, deep), coat)
    return rows + _legs(stage, place, wide, deep, tall - 0.04, leg)


def _legs(
    stage: Stage, place: Place, wide: float, deep: float, tall: float, thick: float
) -> list[Row]:
    coat = stage.coat("wood", "dark", "enamel")
    rows: list[Row] = []
    for x in (-1, 1):
        for z in (-1, 1):
            foot = (x * (wide / 2 - thick), 0.0, z * (deep / 2 - thick))
            rows += block(place, foot, (thick, tall, thick), coat)
    return rows


def chair(stage: Stage, place: Place) -> list[Row]:
    """Return a chair: seat, back, legs; it faces along local z."""
    draws = stage.draws
    wide, seat, back = draws.uniform(0.4, 0.52), draws.uniform(0.42, 0.5), draws.uniform(0.35, 0.6)
    coat = stage.coat("wood", "fabric", "enamel", "plain")
    rows = block(place, (0, -seat + 0.05, 0), (wide, 0.05, wide), coat)
    rows += _legs(stage, place, wide, wide, seat - 0.05, draws.uniform(0.025, 0.05))
    if draws.uniform(0, 1) < 0.5:
        return rows + block(place, (0, -seat, -wide / 2 + 0.02), (wide, back, 0.04), coat)
    for x in (-0.45, -0.15, 0.15, 0.45):
        rows += block(place, (x * wide, -seat, -wide / 2 + 0.02), (0.03, back, 0.03), coat)
    return rows + block(place, (0, -seat - back + 0.08, -wide / 2 + 0.02), (wide, 0.1, 0.035), coat)


def sofa(stage: Stage, place: Place) -> list[Row]:
    """Return a sofa or an armchair with cushions."""
    draws = stage.draws
    wide, deep = draws.uniform(0.9, 2.4), draws.uniform(0.8, 1.0)
    seat, back, arm = draws.uniform(0.38, 0.46), draws.uniform(0.35, 0.5), draws.uniform(0.12, 0.25)
    coat = stage.coat("fabric", "plain", "enamel", "cloudy")
    rows = block(place, (0, -0.08, 0), (wide, seat - 0.08, deep), coat)
    rows += block(place, (0, -seat, -deep / 2 + 0.11), (wide, back, 0.22), coat)
    for side in (-1, 1):
        rows += block(place, (side * (wide - arm) / 2, -0.05, 0), (arm, seat + 0.18, deep), coat)
    pillow = stage.coat("fabric", "printed")
    for _ in range(draws.whole(0, 3)):
        spot = place.at(
            draws.uniform(-0.35, 0.35) * wide, -deep / 2 + 0.3, draws.uniform(-0.4, 0.4)
        )
        rows += block(spot, (0, -seat, 0), (0.42, 0.38, 0.12), pillow)
    return rows


def bed(stage: Stage, place: Place) -> list[Row]:
    """Return a bed, its head at the wall behind."""
    draws = stage.draws
    wide, long = draws.uniform(0.9, 1.9), draws.uniform(1.9, 2.1)
    frame, sheet = stage.coat("wood", "dark", "fabric"), stage.coat("fabric", "printed", "plain")
    rows = block(place, (0, 0, long / 2), (wide, 0.3, long), frame)
    rows += block(
        place, (0, -0.3, long / 2), (wide * 0.98, draws.uniform(0.15, 0.28), long * 0.98), sheet
    )
    rows += block(place, (0, 0, 0.03), (wide, draws.uniform(0.7, 1.2), 0.06), frame)
    pillow = stage.coat("plain", "fabric")
    for side in (-0.25, 0.25):
        rows += block(place, (side * wide, -0.5, 0.3), (0.4 * wide, 0.14, 0.4), pillow)
    return rows


def shelf(
    stage: Stage, place: Place, *, wide: float | None = None, tall: float | None = None
) -> list[Row]:
    """Return an open shelf with books and boxes, of these sizes where given."""
    draws, deep = stage.draws, stage.draws.uniform(0.25, 0.4)
    wide = draws.uniform(0.6, 1.8) if wide is None else wide
    tall = draws.uniform(0.9, 2.2) if tall is None else tall
    boards, coat = draws.whole(2, 6), stage.coat("wood", "plain", "enamel")
    rows = block(place, (0, 0, 0.01), (wide, tall, 0.02), coat)
    for side in (-1, 1):
        rows += block(place, (side * wide / 2, 0, deep / 2), (0.03, tall, deep), coat)
    step = (tall - 0.05) / boards
    for number in range(boards + 1):
        rows += block(place, (0, -number * step - 0.01, deep / 2), (wide, 0.03, deep), coat)
        if number == boards:
            break
        if stage.chance(0.5):
            long = wide * draws.uniform(0.4, 0.95)
            left = (wide - long) / 2 * draws.uniform(-1, 1)
            books = stage.coat("books")
            rows += block(
                place,
                (left, -number * step - 0.04, deep * 0.4),
                (long, step * 0.75, deep * 0.7),
                books,
            )
        else:
            for _ in range(draws.whole(1, 3)):
                size = draws.uniform(0.08, min(0.3, step * 0.8))
                x = draws.uniform(-0.42, 0.42) * wide
                rows += block(
                    place,
                    (x, -number * step - 0.04, deep / 2),
                    (size, size, 0.8 * deep),
                    stage.coat("printed", "enamel", "plain"),
                )
    return rows


def cabinet(stage: Stage, place: Place) -> list[Row]:
    """Return a cabinet, chest or kitchen unit with doors and handles."""
    draws = stage.draws
    wide, tall, deep = draws.uniform(0.5, 2.2), draws.uniform(0.5, 2.1), draws.uniform(0.35, 0.65)
    coat, front = stage.coat("wood", "plain", "enamel"), stage.coat("wood", "plain", "printed")
    rows = block(place, (0, 0, deep / 2), (wide, tall, deep), coat)
    doors = draws.whole(1, 4)
    for number in range(doors):
        x = wide * ((number + 0.5) / doors - 0.5)
        rows += block(
            place, (x, -0.06, deep + 0.01), (wide / doors - 0.03, tall - 0.1, 0.02), front
        )
        knob = place.point(x + 0.35 * wide / doors, -tall * 0.6, deep + 0.04)
        rows.append(ball(knob, 0.02, stage.coat("dark", round=True)))
    return rows


def floor_lamp(stage: Stage, place: Place) -> list[Row]:
    """Return a thin standard lamp with a glowing shade."""
    tall = stage.draws.uniform(1.2, 1.8)
    coat = stage.coat("dark", "enamel")
    rows = prism(place, (0, 0, 0), 0.14, 0.03, coat, lid=stage.coat("disc"))
    rows += block(place, (0, 0, 0), (0.025, tall, 0.025), coat)
    return rows + prism(place, (0, -tall + 0.05, 0), 0.18, 0.28, stage.coat("plain", glow=0.9))


def screen(stage: Stage, place: Place, *, wide: float) -> list[Row]:
    """Return a flat screen on a foot, dark or showing something."""
    tall, frame = wide * 0.58, stage.coat("dark")
    rows = block(place, (0, 0, 0), (wide * 0.4, 0.02, 0.18), frame)
    rows += block(place, (0, -0.02, 0), (0.05, 0.1, 0.04), frame)
    rows += block(place, (0, -0.1, 0), (wide, tall, 0.04), frame)
    picture = stage.coat("painting", "dark", "cloudy", glow=0.8 if stage.chance(0.6) else 0.0)
    rows.append(panel(place, (0, -0.13, 0.025), wide * 0.95, tall * 0.9, picture))
    return rows
