"""Rooms and corridors: floor, walls, ceiling, what stands along them, and who walks about."""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row, rectangle
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world import furniture
from stereocast.training.scenes.world.figures import (
    Way,
    draw_animal,
    draw_person,
    draw_way,
    walk_on,
)
from stereocast.training.scenes.world.light import lamp
from stereocast.training.scenes.world.paths import Venue, draw_path
from stereocast.training.scenes.world.shell import hang, shell, stand
from stereocast.training.scenes.world.smalls import small_thing
from stereocast.training.scenes.world.solids import Place, ball, block, panel
from stereocast.training.scenes.world.stage import Stage


def room(draws: Draws, motion: str | None) -> Stage:
    """Build a furnished room, seen from near one of its ends."""
    wide, deep, tall = draws.uniform(3.2, 8.0), draws.uniform(3.5, 9.0), draws.uniform(2.3, 3.2)
    behind, across = draws.uniform(0.4, 1.0), draws.uniform(0.3, 0.7)
    eye = draws.uniform(0.9, 1.75)
    venue = Venue(
        eye=eye,
        ahead_m=min(0.3 * deep, 1.8),
        aside_m=min(0.7, 0.18 * wide),
        focus_m=deep * 0.5,
        # Whoever stands on the left looks to the right.
        yaw=0.8 * (0.5 - across) + draws.uniform(-0.35, 0.35),
        pitch=draws.uniform(-0.05, 0.3),
        least_fov_deg=50.0 if deep < 5.5 else 38.0,
    )
    stage = Stage(draws, draw_path(draws, venue, motion), wild=_wildness(draws))
    bounds = (-across * wide, (1 - across) * wide, -behind, deep - behind)
    shell(stage, bounds, tall)
    x = draws.uniform(0.3, 0.7) * wide - across * wide
    lamp(stage, (x, -tall + 0.25, deep * draws.uniform(0.2, 0.7) - behind), reach_m=0.6 * deep)
    _along_walls(stage, bounds, tall)
    _in_the_middle(stage, bounds)
    _company(stage, bounds)
    return stage


def corridor(draws: Draws, motion: str | None) -> Stage:
    """Build a corridor with doors, lights and people."""
    wide, deep, tall = draws.uniform(1.5, 3.2), draws.uniform(9, 30), draws.uniform(2.3, 3.2)
    venue = Venue(
        eye=draws.uniform(1.2, 1.75),
        ahead_m=0.3 * deep,
        aside_m=0.15 * wide,
        focus_m=0.3 * deep,
        yaw=draws.uniform(-0.25, 0.25),
        pitch=draws.uniform(-0.05, 0.15),
    )
    stage = Stage(draws, draw_path(draws, venue, motion), wild=_wildness(draws))
    left = -wide * draws.uniform(0.4, 0.6)
    bounds = (left, left + wide, -1.0, deep)
    shell(stage, bounds, tall, openings=0.15)
    lamp(stage, (left + wide / 2, -tall + 0.2, deep * draws.uniform(0.1, 0.5)), reach_m=0.25 * deep)
    door, frame = stage.coat("wood", "enamel", "plain"), stage.coat("dark", "plain")
    light = stage.coat("plain", glow=1.0)
    step = draws.uniform(2.0, 4.0)
    for number in range(int(deep / step)):
        z = number * step + 1.0
        stage.add(*block(Place(left + wide / 2, z), (0, -tall + 0.06, 0), (0.5, 0.05, 1.1), light))
        for side, x in ((1, left), (-1, left + wide)):
            if stage.chance(0.6):
                here = Place(x, z + draws.uniform(0, 0.8), side * math.pi / 2)
                stage.add(
                    panel(here, (0, 0, 0.015), 1.05, 2.12, frame),
                    panel(here, (0, 0, 0.03), 0.9, 2.05, door),
                )
    for _ in range(draws.whole(0, 6)):
        side = 1 if stage.chance(0.5) else -1
        x = left + wide / 2 + side * (wide / 2 - draws.uniform(0.2, 0.3))
        stand(
            stage,
            x,
            draws.uniform(1.5, deep - 1),
            0.25,
            -side * math.pi / 2,
            ("cabinet", "plant", "chair", "box"),
        )
    for _ in range(draws.whole(0, 2)):
        reach, x = draws.uniform(1.5, 0.4 * deep), left + wide * draws.uniform(0.3, 0.7)
        z = draws.uniform(0.45, 0.55) * deep
        walk_on(stage, draw_person(stage, draw_way(draws, x, z, yaw=0, reach_m=reach)))
    return stage


def _along_walls(stage: Stage, bounds: tuple[float, float, float, float], tall: float) -> None:
    left, right, back, front = bounds
    draws = stage.draws
    for x, z, facing, length in (
        (left, (front + back) / 2, math.pi / 2, front - back),
        (right, (front + back) / 2, -math.pi / 2, front - back),
        ((left + right) / 2, front, math.pi, right - left),
    ):
        wall = Place(x, z, facing)
        for spot in range(int(length / 0.8)):
            along = (spot + draws.uniform(0.2, 0.8)) * 0.8 - length / 2
            here = wall.at(along, 0.01)
            if stage.chance(0.4):
                hang(stage, here, tall)
            kinds = (
                "sofa",
                "bed",
                "shelf",
                "shelf",
                "cabinet",
                "cabinet",
                "lamp",
                "plant",
                "desk",
                "tv",
                "chair",
            )
            if stage.chance(0.75):
                stand(stage, here.x, here.z, 0.0, facing, kinds)


def aisle(draws: Draws, motion: str | None) -> Stage:
    """Build a shop, library or store: a way between two rows of full shelves."""
    wide, deep, tall = draws.uniform(1.4, 2.8), draws.uniform(7, 18), draws.uniform(2.5, 4.5)
    venue = Venue(
        eye=draws.uniform(1.0, 1.75),
        ahead_m=0.3 * deep,
        aside_m=0.15 * wide,
        focus_m=3.0,
        yaw=draws.uniform(-0.6, 0.6),
        pitch=draws.uniform(-0.1, 0.25),
    )
    stage = Stage(draws, draw_path(draws, venue, motion), wild=_wildness(draws))
    shell(stage, (-wide / 2 - 1.5, wide / 2 + 1.5, -1.5, deep + 2), tall, openings=0.1)
    lamp(stage, (0.0, -tall + 0.2, deep * draws.uniform(0.1, 0.6)), reach_m=0.3 * deep)
    for side in (-1, 1):
        z = -1.0
        while z < deep:
            here = Place(side * (wide / 2 + 0.4), z + 0.8, -side * math.pi / 2)
            rows = furniture.shelf(stage, here, wide=1.55, tall=draws.uniform(1.4, 0.9 * tall))
            stage.add(*rows)
            z += 1.6 if stage.chance(0.9) else 3.0
    for _ in range(draws.whole(0, 3)):
        x, z = draws.uniform(-0.3, 0.3) * wide, draws.uniform(2.5, 0.7 * deep)
        if stage.claim(x, z, 0.35, near_m=0.8):
            reach = draws.uniform(0.5, 2.0)
            moving = draw_way(draws, x, z, yaw=0.0, reach_m=reach)
            way = moving if stage.path.clearance(x, z + reach) > 1.2 else Way(Place(x, z), 0.0, 0.0)
            walk_on(stage, draw_person(stage, way))
    return stage


def _in_the_middle(stage: Stage, bounds: tuple[float, float, float, float]) -> None:
    left, right, back, front = bounds
    draws = stage.draws
    if stage.chance(0.5):
        wide, deep = (
            draws.uniform(1.2, 0.6 * (right - left)),
            draws.uniform(1.0, 0.5 * (front - back)),
        )
        z = draws.uniform(0.3, 0.6) * (front - back)
        rug = stage.coat("fabric", "printed", "cloudy").over(wide, deep, shadowed=True)
        stage.add(
            rectangle(
                ((left + right - wide) / 2, -0.01, z - deep / 2), (wide, 0, 0), (0, 0, deep), rug
            )
        )
    for _ in range(14):
        x, z = draws.uniform(left + 0.5, right - 0.5), draws.uniform(1.0, max(front - 0.6, 1.5))
        if stage.chance(0.3) and stage.claim(x, z, 0.85):
            _dining(stage, Place(x, z, draws.uniform(-0.4, 0.4)))
        elif stage.chance(0.35):
            kinds = ("chair", "chair", "sofa", "plant", "box", "desk", "lamp", "cabinet")
            stand(stage, x, z, 0.0, draws.uniform(0, math.tau), kinds)
        elif stage.claim(x, z, 0.3):
            thing = small_thing(
                stage, Place(x, z, draws.uniform(0, 6.28)), draws.uniform(0.12, 0.45)
            )
            stage.add(*thing)
            stage.shades.append(stage.shade(Place(x, z), (0.2, 0.2), 0.3))


def _dining(stage: Stage, place: Place) -> None:
    draws = stage.draws
    wide, deep, tall = draws.uniform(0.7, 1.3), draws.uniform(0.6, 0.9), draws.uniform(0.4, 0.78)
    stage.add(*furniture.table(stage, place, wide=wide, deep=deep, tall=tall))
    stage.shades.append(stage.shade(place, (wide / 2, deep / 2), tall, strength=0.45))
    for _ in range(draws.whole(0, 4)):
        spot = place.at(draws.uniform(-0.4, 0.4) * wide, draws.uniform(-0.35, 0.35) * deep)
        stage.add(
            *small_thing(
                stage,
                Place(spot.x, spot.z, draws.uniform(0, 6.28), -tall),
                draws.uniform(0.07, 0.3),
            )
        )
    if tall < 0.6:
        return
    for side in (0.0, math.pi):
        if stage.chance(0.75):
            seat = place.at(0, 0, side).at(
                draws.uniform(-0.2, 0.2), deep / 2 + draws.uniform(0.1, 0.35), math.pi
            )
            if stage.path.clearance(seat.x, seat.z) > 0.9:
                stage.add(*furniture.chair(stage, seat))
                if stage.chance(0.4):
                    sitter = draw_person(stage, Way(seat, 0.0, 0.0), pose="sit", seat_m=0.47)
                    walk_on(stage, sitter)


def _company(stage: Stage, bounds: tuple[float, float, float, float]) -> None:
    left, right, _, front = bounds
    draws = stage.draws
    for _ in range(draws.whole(0, 2)):
        x, z = draws.uniform(left + 0.6, right - 0.6), draws.uniform(1.5, max(front - 0.6, 1.6))
        if not stage.claim(x, z, 0.3, near_m=0.9):
            continue
        reach = draws.uniform(0.6, 2.0) if stage.chance(0.5) else 0.0
        way = (
            draw_way(draws, x, z, yaw=math.pi / 2 if x < 0 else -math.pi / 2, reach_m=reach)
            if reach
            else Way(Place(x, z, draws.uniform(2, 4.3)), 0.0, 0.0)
        )
        walk_on(
            stage,
            draw_person(stage, way) if stage.chance(0.8) else draw_animal(stage, way, small=True),
        )
    if stage.chance(0.3):
        _bouncing_ball(
            stage, draws.uniform(left + 0.5, right - 0.5), draws.uniform(1.8, max(front - 0.6, 1.9))
        )


def _bouncing_ball(stage: Stage, x: float, z: float) -> None:
    draws = stage.draws
    radius, coat = draws.uniform(0.08, 0.2), stage.coat("enamel", "printed", round=True)
    high, rate, roll = draws.uniform(0.0, 0.9), draws.uniform(2, 5), draws.uniform(0.1, 0.5)

    def mover(seconds: float) -> tuple[list[Row], list[Row]]:
        here = x + roll * math.sin(0.8 * seconds)
        y = -radius - high * abs(math.sin(rate * seconds))
        return [ball((here, y, z), radius, coat, spin=3 * seconds)], [
            stage.shade(Place(here, z), (radius, radius), radius, strength=0.4)
        ]

    if stage.path.clearance(x, z) > 1.2:
        stage.move(mover)


def _wildness(draws: Draws) -> float:
    """Return how often a coat has nothing to do with what it is on; in one clip of five, always."""
    return 1.0 if draws.uniform(0, 1) < 0.2 else 0.08
