"""Table-tops seen close by: what lies on them, who sits behind, whose hands reach for it."""

from __future__ import annotations

import math

from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world import furniture
from stereocast.training.scenes.world.figures import Way, draw_person, walk_on
from stereocast.training.scenes.world.gatherings import raised_hands
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
    for _ in range(draws.whole(8, 30)):
        z = near + draws.uniform(0.12, 0.92) * deep
        reach = min(0.45 * wide, 0.25 * focus + 0.6 * z)
        x = min(max(draws.uniform(-reach, reach), centre.x - 0.46 * wide), centre.x + 0.46 * wide)
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
    if stage.chance(0.3):
        raised_hands(stage, -tall - 0.1, near + 0.25)
    return stage
