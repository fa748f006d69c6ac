"""Streets: facades, pavements, cars, lamp posts, wires, and people on their way."""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row, rectangle
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world import plants
from stereocast.training.scenes.world.figures import draw_animal, draw_person, draw_way, walk_on
from stereocast.training.scenes.world.light import open_sky
from stereocast.training.scenes.world.limbs import egg
from stereocast.training.scenes.world.paths import Venue, draw_path
from stereocast.training.scenes.world.solids import Coat, Place, bar, block, panel, prism, slab
from stereocast.training.scenes.world.stage import Stage


def street(draws: Draws, motion: str | None) -> Stage:
    """Build a street of houses, seen along it from a pavement or the roadway."""
    road, pavement = draws.uniform(5, 11), draws.uniform(1.8, 4.5)
    high = draws.uniform(0, 1) < 0.12
    venue = Venue(
        eye=draws.uniform(3, 8) if high else draws.uniform(1.1, 1.8),
        ahead_m=draws.uniform(5, 25),
        aside_m=0.8,
        focus_m=8.0,
        yaw=draws.uniform(-0.45, 0.45),
        pitch=draws.uniform(0.1, 0.3) if high else draws.normal(0.06),
    )
    stage = Stage(
        draws, draw_path(draws, venue, motion), wild=1.0 if draws.uniform(0, 1) < 0.12 else 0.04
    )
    open_sky(stage)
    ground = stage.coat("asphalt", "plaster").over(800, 1600, shadowed=True)
    middle = draws.uniform(-0.5, 0.5) * (road + pavement)
    stage.add(slab((0, 0, 400), 800, 1600, ground))
    _markings(stage, middle)
    walk = stage.coat("tiles", "plaster", "bricks")
    for side in (-1, 1):
        x = middle + side * (road + pavement) / 2
        stage.add(
            rectangle(
                (x - pavement / 2, -0.12, -20),
                (pavement, 0, 0),
                (0, 0, 400),
                walk.over(pavement, 400, shadowed=True),
            )
        )
        edge = middle + side * road / 2
        stage.add(rectangle((edge, -0.12, -20), (0, 0, 400), (0, 0.12, 0), walk.over(400, 0.12)))
        _houses(stage, middle + side * (road / 2 + pavement), side)
        _pavement(stage, x, side, pavement)
    _cars(stage, middle, road)
    return stage


def _markings(stage: Stage, middle: float) -> None:
    paint = stage.coat("plain")
    for number in range(24):
        z = -6 + 7.0 * number
        stage.add(slab((middle, -0.004, z), 0.14, 3.0, paint.over(0.14, 3.0, shadowed=True)))


def _houses(stage: Stage, x: float, side: int) -> None:
    draws, z = stage.draws, -15.0
    while z < 110:
        wide, tall, deep = draws.uniform(6, 18), draws.uniform(4, 22), draws.uniform(8, 14)
        if stage.chance(0.88):
            here = Place(x + side * (deep / 2 + draws.uniform(0, 0.6)), z + wide / 2)
            stage.add(
                *block(
                    here,
                    (0, 0, 0),
                    (deep, tall, wide),
                    stage.coat("facade", "facade", "facade", "plaster", "bricks"),
                )
            )
            front = Place(here.x - side * deep / 2, here.z, -side * math.pi / 2)
            for _ in range(draws.whole(0, 3)):
                shop = draws.uniform(1.0, 3.0)
                spot = (draws.uniform(-0.4, 0.4) * wide, -0.1, 0.04)
                stage.add(
                    panel(
                        front,
                        spot,
                        shop,
                        draws.uniform(2.1, 2.8),
                        stage.coat("window", "dark", "wood", "printed"),
                    )
                )
            if stage.chance(0.4):
                awning = stage.coat("fabric", "enamel")
                stage.add(
                    *block(
                        front,
                        (draws.uniform(-0.3, 0.3) * wide, -2.7, 0.6),
                        (2.5, 0.12, 1.2),
                        awning,
                    )
                )
        elif stage.chance(0.6):
            gap = Place(x + side * 3, z + wide / 2)
            stage.add(*plants.tree(stage, gap, draws.uniform(5, 10), stage.coat("bark"), "leafy"))
        z += wide + (draws.uniform(0.5, 4) if stage.chance(0.2) else 0.0)


def _pavement(stage: Stage, x: float, side: int, wide: float) -> None:
    draws = stage.draws
    kerb = x - side * (wide / 2 - 0.4)
    step, sort = draws.uniform(7, 18), draws.uniform(0, 1)
    metal = stage.coat("dark", "enamel")
    tall, last = draws.uniform(4, 8), None
    z = draws.uniform(2, 6)
    while z < 70 and sort < 0.85:
        here = Place(kerb, z, math.pi / 2 if side < 0 else -math.pi / 2)
        if stage.claim(here.x, here.z, 0.35):
            if sort < 0.5:
                stage.add(*lamp_post(here, tall, metal, stage.coat("plain", glow=0.9)))
            else:
                stage.add(*plants.tree(stage, here, tall, stage.coat("bark"), "leafy"))
            stage.shades.append(stage.shade(here, (0.12, 0.12), tall))
            top = here.point(0, -tall, 0)
            if last is not None and sort < 0.25:
                stage.add(*bar(last, top, 0.03, metal))
            last = top
        z += step
    for _ in range(draws.whole(0, 5)):
        z, spot = draws.uniform(2.5, 30), x + draws.uniform(-0.35, 0.35) * wide
        if stage.claim(spot, z, 0.4):
            stage.add(*_street_thing(stage, Place(spot, z, draws.uniform(0, math.tau), -0.12)))
            stage.shades.append(stage.shade(Place(spot, z), (0.3, 0.3), 0.9))
    for _ in range(draws.whole(0, 8)):
        spot, z = x + draws.uniform(-0.4, 0.4) * wide, draws.uniform(3, 30)
        reach = draws.uniform(3, 15)
        if (
            min(
                stage.path.clearance(spot, z + share * reach)
                for share in (0.0, 0.25, 0.5, 0.75, 1.0)
            )
            > 1.0
        ):
            way = draw_way(draws, spot, z, yaw=0.0, reach_m=reach)
            walk_on(
                stage,
                draw_person(stage, way)
                if stage.chance(0.9)
                else draw_animal(stage, way, small=True),
            )


def lamp_post(place: Place, tall: float, metal: Coat, bulb: Coat) -> list[Row]:
    """Return a post with an arm and a lamp over the road."""
    rows = prism(place, (0, 0, 0), 0.07, tall, metal, sides=6)
    rows += bar(place.point(0, -tall, 0), place.point(0, -tall - 0.2, -1.1), 0.06, metal)
    return rows + block(place, (0, -tall - 0.1, -1.2), (0.2, 0.12, 0.45), bulb)


def _street_thing(stage: Stage, place: Place) -> list[Row]:
    draws, sort = stage.draws, stage.draws.uniform(0, 1)
    coat = stage.coat("enamel", "dark", "wood", "printed")
    if sort < 0.25:
        return prism(place, (0, 0, 0), 0.25, 0.95, coat, lid=stage.coat("disc"))
    if sort < 0.5:
        rows = block(place, (0, -0.42, 0), (1.5, 0.06, 0.45), coat) + block(
            place, (0, -0.5, -0.2), (1.5, 0.4, 0.05), coat
        )
        for x in (-0.6, 0.6):
            rows += block(place, (x, 0, 0), (0.06, 0.42, 0.4), coat)
        return rows
    if sort < 0.75:
        rows = block(place, (0, 0, 0), (0.06, 2.3, 0.06), coat)
        sign = stage.coat("printed", "enamel", "painting")
        return rows + block(place, (0, -1.8, 0.05), (0.6, 0.5, 0.03), sign)
    if sort < 0.9:
        return plants.potted(stage, place, draws.uniform(0.7, 1.6))
    return block(place, (0, 0, 0), (0.5, 1.2, 0.4), coat)


def car(stage: Stage, place: Place) -> list[Row]:
    """Return a car, van or lorry whose bonnet points along local z."""
    draws = stage.draws
    paint, glass, dark = (
        stage.coat("enamel", "plain"),
        stage.coat("dark"),
        stage.coat("dark", round=True),
    )
    van = stage.chance(0.25)
    wide, long = draws.uniform(1.65, 1.9), draws.uniform(3.7, 4.8)
    body = draws.uniform(0.55, 0.75)
    rows = block(place, (0, -0.22, 0), (wide, body, long), paint)
    roof = draws.uniform(0.5, 0.65) if not van else draws.uniform(0.9, 1.5)
    cabin, at = (0.88 * long, -0.02 * long) if van else (0.5 * long, -0.08 * long)
    rows += block(
        place, (0, -0.22 - body, at), (wide * 0.9, roof, cabin), glass if not van else paint
    )
    rows += block(place, (0, -0.2 - body - roof, at), (wide * 0.86, 0.06, cabin * 0.94), paint)
    if not van:
        for z in (-0.5, 0.0, 0.5):
            rows += block(
                place, (0, -0.22 - body, at + z * cabin * 0.96), (wide * 0.91, roof, 0.09), paint
            )
    for x in (-1, 1):
        for z in (-0.31, 0.31):
            wheel = place.point(x * wide * 0.46, -0.32, z * long)
            rows += egg(wheel, (0.12, 0.32, 0.32), place, dark)
        light = stage.coat("plain", glow=0.6)
        rows += block(place, (x * wide * 0.36, -0.5, long / 2), (0.3, 0.16, 0.04), light)
    return rows


def _cars(stage: Stage, middle: float, road: float) -> None:
    draws = stage.draws
    for side in (-1, 1):
        lane = middle + side * (road / 2 - 1.0)
        z = draws.uniform(3, 9)
        while z < 50:
            if stage.chance(0.45) and stage.claim(lane, z, 2.0):
                here = Place(lane, z, 0.0 if side > 0 else math.pi)
                stage.add(*car(stage, here))
                stage.shades.append(stage.shade(here, (0.9, 2.0), 0.8, strength=0.6))
            z += draws.uniform(5.2, 9)
    for _ in range(draws.whole(0, 2)):
        _driving(stage, middle + draws.uniform(-0.25, 0.25) * road, draws.uniform(40, 90))


def _driving(stage: Stage, x: float, far: float) -> None:
    """Let a car come and go on the roadway, where the camera's way leaves it room."""
    if min(stage.path.clearance(x, z) for z in range(0, 30, 2)) < 2.2:
        return
    draws = stage.draws
    speed, phase = draws.uniform(3, 12), draws.uniform(0, 100)
    rows = car(stage, Place(0.0, 0.0, math.pi))

    def mover(seconds: float) -> tuple[list[Row], list[Row]]:
        z = far - (speed * seconds + phase) % (far + 25)
        moved = [[*row[:2], row[2] + x, row[3], row[4] + z, *row[5:]] for row in rows]
        return moved, [stage.shade(Place(x, z), (0.9, 2.0), 0.8, strength=0.6)]

    stage.move(mover)
