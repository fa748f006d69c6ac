"""Table-tops seen close by, and people close to the camera."""

from __future__ import annotations

import math

from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world import furniture
from stereocast.training.scenes.world.figures import Way, draw_person, walk_on
from stereocast.training.scenes.world.light import lamp
from stereocast.training.scenes.world.paths import Venue, draw_path
from stereocast.training.scenes.world.shell import shell
from stereocast.training.scenes.world.smalls import small_thing
from stereocast.training.scenes.world.solids import Place, slab
from stereocast.training.scenes.world.stage import Stage


def tabletop(draws: Draws, motion: str | None) -> Stage:
    """Build things on a table, seen from above its edge, in a room."""
    tall, focus = draws.uniform(0.6, 0.9), draws.uniform(0.55, 1.1)
    pitch = draws.uniform(0.25, 0.85)
    venue = Venue(
        eye=tall + focus * math.sin(pitch),
        ahead_m=0.2 * focus,
        aside_m=0.35 * focus,
        focus_m=focus,
        yaw=draws.uniform(-0.2, 0.2),
        pitch=pitch * draws.uniform(0.75, 1.0),
    )
    wild = 1.0 if draws.uniform(0, 1) < 0.2 else 0.12
    stage = Stage(draws, draw_path(draws, venue, motion), wild=wild)
    shell(stage, (-draws.uniform(1.5, 3), draws.uniform(1.5, 3), -1.2, draws.uniform(1.9, 5)), 2.6)
    middle = focus * math.cos(pitch)
    lamp(
        stage,
        (
            draws.uniform(-1.2, 1.2),
            -tall - draws.uniform(0.8, 1.5),
            middle + draws.uniform(-0.6, 0.8),
        ),
        reach_m=1.2,
    )
    # The board hides the floor below: only the board has shadows worth having.
    wide, deep = draws.uniform(1.0, 2.6), draws.uniform(0.75, 1.4)
    board = stage.coat("wood", "plain", "fabric", "tiles", "printed", "enamel").over(
        wide, deep, shadowed=True
    )
    near = 0.1 * focus
    centre = Place(draws.uniform(-0.2, 0.2), near + deep / 2)
    stage.rows[0][14] = 0.0
    stage.add(*furniture.table(stage, centre, wide=wide, deep=deep, tall=tall))
    stage.add(slab((centre.x, -tall - 0.002, centre.z), wide, deep, board))
    stage.scale = focus
    stage.taken.append((0.0, 0.0, 0.1))
    for _ in range(draws.whole(4, 16)):
        x = centre.x + draws.uniform(-0.45, 0.45) * wide
        z = near + draws.uniform(0.12, 0.92) * deep
        size = draws.uniform(0.05, 0.26)
        # What stands near the eye is small: it must not hide the table.
        size *= min(1.0, max(0.35, (z + 0.3) / (middle + 0.3)))
        if stage.claim(x, z, 0.5 * size, near_m=0.2):
            place = Place(x, z, draws.uniform(0, math.tau), -tall - 0.003)
            stage.add(*small_thing(stage, place, size))
            stage.shades.append(stage.shade(place, (0.42 * size, 0.42 * size), size, strength=0.6))
    stage.scale = 1.0
    if stage.chance(0.35):
        seat = Place(centre.x + draws.uniform(-0.3, 0.3), near + deep + 0.25, math.pi)
        walk_on(stage, draw_person(stage, Way(seat, 0.0, 0.0), pose="sit", seat_m=tall - 0.25))
    return stage


def portrait(draws: Draws, motion: str | None) -> Stage:
    """Build one to three people who talk, waist up, in a room."""
    focus = draws.uniform(0.9, 2.2)
    eye = draws.uniform(1.3, 1.65)
    venue = Venue(
        eye=eye,
        ahead_m=0.15 * focus,
        aside_m=0.25 * focus,
        focus_m=focus,
        yaw=draws.uniform(-0.12, 0.12),
        pitch=draws.uniform(-0.05, 0.12),
    )
    stage = Stage(draws, draw_path(draws, venue, motion), wild=0.1)
    shell(
        stage,
        (-draws.uniform(1.5, 3), draws.uniform(1.5, 3), -1.2, focus + draws.uniform(0.8, 4)),
        2.7,
    )
    lamp(stage, (draws.uniform(-1.2, 1.2), -2.4, draws.uniform(-0.3, 0.6 * focus)), reach_m=1.6)
    back = Place(draws.uniform(-1, 1), focus + 0.7, math.pi)
    make = furniture.shelf if stage.chance(0.4) else furniture.floor_lamp
    stage.add(*make(stage, back))
    for number in range(draws.whole(1, 3)):
        x = (0.0, -0.65, 0.7)[number] * focus * 0.7 + draws.uniform(-0.1, 0.1)
        z = focus + (0.0, 0.3, 0.6)[number] + draws.uniform(-0.05, 0.2)
        pose = ("stand", "wave", "reach")[draws.whole(0, 2)]
        way = Way(Place(x, z, math.pi + draws.normal(0.5)), 0.0, 0.0)
        walk_on(stage, draw_person(stage, way, pose=pose))
    return stage
