"""Things of no kind: boxes, balls, bars and cards of any size in the air, wearing any texture.

Here nothing but shading, perspective and motion tells what is near: neither size nor place nor
texture means anything.
"""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row, Vec
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.room import Swing
from stereocast.training.scenes.world.light import lamp
from stereocast.training.scenes.world.limbs import egg, limb
from stereocast.training.scenes.world.paths import Venue, draw_path
from stereocast.training.scenes.world.shell import shell
from stereocast.training.scenes.world.solids import Place, bar, block, panel, prism
from stereocast.training.scenes.world.stage import Parts, Stage


def clutter(draws: Draws, motion: str | None) -> Stage:
    """Build a hall in which things hang, stand and drift."""
    deep, tall = draws.uniform(4, 14), draws.uniform(2.6, 6)
    half = draws.uniform(2, 6)
    venue = Venue(
        eye=draws.uniform(0.3, 0.7) * tall,
        ahead_m=0.6,
        aside_m=0.7,
        focus_m=3.0,
        yaw=draws.normal(0.2),
        pitch=draws.normal(0.15),
    )
    wild = 1.0 if draws.uniform(0, 1) < 0.5 else 0.3
    stage = Stage(draws, draw_path(draws, venue, motion), wild=wild)
    shell(stage, (-half, half, -1.2, deep), tall)
    lamp(stage, (draws.uniform(-1, 1), -0.9 * tall, draws.uniform(0, 0.6 * deep)), reach_m=2.5)
    for _ in range(draws.whole(14, 45)):
        far = 1.3 + (deep - 2) * draws.uniform(0, 1) ** 1.3
        angle = venue.yaw + draws.uniform(-0.7, 0.7)
        x, z = far * math.sin(angle), far * math.cos(angle)
        # Apparent sizes follow one law at every distance.
        size = far * math.exp(draws.uniform(math.log(0.05), math.log(0.45)))
        if stage.path.clearance(x, z) < 1.1 * size + 0.5:
            continue
        height = draws.uniform(0.1, 0.9) * tall if stage.chance(0.7) else 0.0
        if stage.chance(0.35):
            _drift(stage, (x, -height, z), size)
        else:
            stage.add(*_thing(stage, Place(x, z, draws.uniform(0, math.tau), -height), size))
        stage.shades.append(stage.shade(Place(x, z), (0.4 * size, 0.4 * size), size, strength=0.4))
    return stage


def _thing(stage: Stage, place: Place, size: float) -> list[Row]:
    draws, sort = stage.draws, stage.draws.uniform(0, 1)
    edges = (
        size * draws.uniform(0.2, 1),
        size * draws.uniform(0.2, 1),
        size * draws.uniform(0.2, 1),
    )
    coat = stage.coat("printed", "enamel", "wood", "cloudy", "plain", "bricks", "fabric")
    if sort < 0.3:
        return block(place, (0, 0, 0), edges, coat)
    if sort < 0.5:
        skin = stage.coat("printed", "enamel", "cloudy", "plain", round=True)
        return egg(place.point(0, 0, 0), (edges[0] / 2, edges[1] / 2, edges[2] / 2), place, skin)
    if sort < 0.65:
        end = place.point(draws.normal(size), draws.normal(size), draws.normal(0.3 * size) + 0.01)
        return bar(place.point(0, 0, 0), end, draws.uniform(0.01, 0.06), coat)
    if sort < 0.75:
        tip = place.point(draws.normal(size), draws.normal(size), 0.2 * size)
        skin = stage.coat("printed", "enamel", "skin", round=True)
        return limb(place.point(0, 0, 0), tip, draws.uniform(0.05, 0.2) * size, skin)
    if sort < 0.85:
        lid = stage.coat("disc")
        return prism(
            place, (0, 0, 0), edges[0] / 2, edges[1], coat, sides=draws.whole(3, 9), lid=lid
        )
    cut = stage.coat("spray", "railing", "disc", "tuft")
    return [panel(place, (0, 0, 0), edges[0] + 0.3 * size, edges[1] + 0.3 * size, cut, cut=True)]


def _drift(stage: Stage, middle: Vec, size: float) -> None:
    """Let a thing swing through the air and turn."""
    draws = stage.draws
    rows = _thing(stage, Place(0.0, 0.0), size)
    swings = [
        Swing(value, draws.uniform(0.05, 0.4), draws.uniform(0.3, 2.0), draws.uniform(0, 6.28))
        for value in middle
    ]
    spin = draws.normal(0.8)

    def mover(seconds: float) -> Parts:
        x, y, z = (swing.at(seconds) for swing in swings)
        c, s = math.cos(spin * seconds), math.sin(spin * seconds)

        def turned(v: list[float]) -> list[float]:
            return [v[0] * c + v[2] * s, v[1], v[2] * c - v[0] * s]

        moved = []
        for row in rows:
            at = turned(row[2:5])
            place = [at[0] + x, at[1] + y, at[2] + z]
            moved.append([*row[:2], *place, *turned(row[5:8]), *turned(row[8:11]), *row[11:]])
        return moved, []

    stage.move(mover)
