"""The open: fields, forests, gardens, hills."""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world import furniture, plants
from stereocast.training.scenes.world.figures import draw_animal, draw_person, draw_way, walk_on
from stereocast.training.scenes.world.light import open_sky
from stereocast.training.scenes.world.limbs import egg, trunk
from stereocast.training.scenes.world.paths import Venue, draw_path
from stereocast.training.scenes.world.solids import Place, bar, block, panel, slab
from stereocast.training.scenes.world.stage import Stage


def field(draws: Draws, motion: str | None) -> Stage:
    """Build a plain under the sky with whatever stands or grazes on it."""
    stage = under_the_sky(draws, motion, ahead=draws.uniform(4, 15), focus=7.0)
    far_ridges(stage)
    _swells(stage, draws.whole(0, 3), 45.0)
    for _ in range(draws.whole(6, 26)):
        _scatter(
            stage,
            2.5 + 60 * draws.uniform(0, 1) ** 2,
            1.0,
            ("tree", "bush", "rock", "tuft", "post"),
        )
    if stage.chance(0.5):
        fence(stage, draws.uniform(3.5, 10), draws.normal(0.3))
    _life(stage, people=2, animals=5)
    return stage


def forest(draws: Draws, motion: str | None) -> Stage:
    """Build a wood: trunks at every distance, undergrowth, a way through."""
    stage = under_the_sky(
        draws, motion, ahead=draws.uniform(4, 14), focus=5.0, ground=("earth", "grass")
    )
    far_ridges(stage)
    for number in range(draws.whole(35, 70)):
        _scatter(stage, 2.0 + 45 * (number / 60) ** 1.3, 1.0, ("tree",))
    for _ in range(draws.whole(10, 30)):
        _scatter(stage, draws.uniform(1.5, 16), 1.0, ("bush", "tuft", "rock", "tuft"))
    _life(stage, people=1, animals=1)
    return stage


def thicket(draws: Draws, motion: str | None) -> Stage:
    """Build undergrowth: thin stems and leaves at every height, from an arm's length on."""
    stage = under_the_sky(draws, motion, ahead=0.6, focus=2.5, ground=("earth", "grass"))
    far_ridges(stage, count=2, nearest=25.0)
    bark, leaves = stage.coat("bark"), stage.coat("foliage", round=True)
    for number in range(draws.whole(60, 130)):
        far = 1.1 + 14 * (number / 100) ** 1.4
        angle = stage.path.venue.yaw + draws.uniform(-0.9, 0.9)
        x, z = far * math.sin(angle), far * math.cos(angle)
        if stage.path.clearance(x, z) < 0.8:
            continue
        place, tall = Place(x, z, draws.uniform(0, math.tau)), draws.uniform(0.6, 4.5)
        rows = trunk(place, draws.normal(0.12) * tall, tall, draws.uniform(0.008, 0.05), bark)
        for _ in range(draws.whole(1, 3)):
            wide = draws.uniform(0.15, 0.5) * min(tall, 2.0)
            spot = place.at(0, 0, draws.uniform(0, math.tau))
            foot = (draws.normal(0.2 * tall), -tall * draws.uniform(0.2, 0.95), 0.0)
            rows.append(panel(spot, foot, 1.6 * wide, wide, stage.coat("spray"), cut=True))
        if stage.chance(0.15):
            size = draws.uniform(0.1, 0.3)
            rows += egg(place.point(0.2, -0.7 * tall, 0), (size, 0.7 * size, size), place, leaves)
        stage.add(*rows)
        stage.shades.append(stage.shade(place, (0.25, 0.25), tall, strength=0.2))
    for _ in range(20):
        _scatter(stage, draws.uniform(1.2, 6), 0.7, ("tuft", "tuft", "bush", "rock"))
    return stage


def garden(draws: Draws, motion: str | None) -> Stage:
    """Build a garden: lawn, fence, beds, a house wall, seats."""
    stage = under_the_sky(draws, motion, ahead=draws.uniform(1.5, 4), focus=4.0)
    far_ridges(stage)
    far = draws.uniform(7, 16)
    if stage.chance(0.6):
        wall = stage.coat("facade", "bricks", "plaster", "wood")
        x = draws.uniform(-6, 6)
        stage.add(
            *block(
                Place(x, far + 4), (0, 0, 0), (draws.uniform(6, 14), draws.uniform(3, 7), 7), wall
            )
        )
    fence(stage, far, draws.normal(0.15))
    if stage.chance(0.5):
        fence(
            stage, draws.uniform(3, 6), (1 if stage.chance(0.5) else -1) * draws.uniform(1.1, 1.5)
        )
    for _ in range(draws.whole(6, 26)):
        _scatter(
            stage,
            draws.uniform(1.5, far),
            0.8,
            ("bush", "tuft", "tuft", "pot", "tree", "rock", "post"),
        )
    x, z = draws.uniform(-2, 2), draws.uniform(2.5, 6)
    if stage.chance(0.6) and stage.claim(x, z, 1.0):
        place = Place(x, z, draws.uniform(0, 1.5))
        stage.add(*furniture.table(stage, place, wide=1.2, deep=0.8, tall=0.72))
        stage.shades.append(stage.shade(place, (0.6, 0.4), 0.7))
        for turn in (0.0, math.pi):
            seat = place.at(0, 0, turn).at(0, 0.65, math.pi)
            stage.add(*furniture.chair(stage, seat))
    _life(stage, people=1, animals=2, near=2.0)
    return stage


def hills(draws: Draws, motion: str | None) -> Stage:
    """Build a wide view: ridges behind ridges, trees and rocks before them."""
    stage = under_the_sky(draws, motion, ahead=draws.uniform(2, 8), focus=12.0)
    far_ridges(stage, count=draws.whole(3, 6), nearest=35.0)
    _swells(stage, draws.whole(3, 9), 16.0)
    for _ in range(draws.whole(8, 26)):
        _scatter(
            stage, 3 + 60 * draws.uniform(0, 1) ** 2, 1.4, ("tree", "tree", "bush", "rock", "post")
        )
    for _ in range(draws.whole(0, 12)):
        _scatter(stage, draws.uniform(1.5, 8), 0.8, ("tuft", "rock"))
    _life(stage, people=1, animals=3)
    return stage


def under_the_sky(
    draws: Draws,
    motion: str | None,
    *,
    ahead: float,
    focus: float,
    ground: tuple[str, ...] = ("grass", "grass", "earth"),
) -> Stage:
    """Begin a scene on level ground: the camera's way, sun or clouds, and what one stands on."""
    venue = Venue(
        eye=draws.uniform(2.5, 6) if draws.uniform(0, 1) < 0.1 else draws.uniform(0.7, 1.8),
        ahead_m=ahead,
        aside_m=0.25 * focus,
        focus_m=focus,
        yaw=draws.normal(0.3),
        pitch=draws.uniform(-0.05, 0.2),
    )
    wild = 1.0 if draws.uniform(0, 1) < 0.1 else 0.03
    stage = Stage(draws, draw_path(draws, venue, motion), wild=wild)
    open_sky(stage)
    floor = stage.coat(*ground).over(2400, 2400, shadowed=True)
    stage.add(slab((0, 0, 0), 2400, 2400, floor))
    return stage


def far_ridges(stage: Stage, *, count: int | None = None, nearest: float = 70.0) -> None:
    """Close the view with rows of hills or woods, each farther than the one before."""
    draws = stage.draws
    count = draws.whole(0, 3) if count is None else count
    for number in range(count):
        far = nearest * 1.8**number * draws.uniform(0.9, 1.4)
        coat, tall = stage.coat("ridge"), far * draws.uniform(0.08, 0.35)
        for turn in (-0.9, 0.0, 0.9):
            here = Place(0, 0, turn).at(0, far, math.pi)
            stage.add(panel(here, (0, 0, 0), far * 1.05, tall, coat, cut=True))


RADII = {"bush": 0.6, "rock": 0.4, "tuft": 0.2, "post": 0.15, "pot": 0.3}


def _swells(stage: Stage, count: int, nearest: float) -> None:
    """Raise round hills from the ground, the farther the higher."""
    draws = stage.draws
    for _ in range(count):
        far = nearest * math.exp(draws.uniform(0, 2))
        angle = stage.path.venue.yaw + draws.uniform(-0.9, 0.9)
        wide, tall = far * draws.uniform(0.2, 0.5), far * draws.uniform(0.06, 0.25)
        place = Place(0, 0, angle).at(0, far + wide)
        coat = stage.coat("grass", "foliage", "earth", round=True)
        stage.add(*egg((place.x, 0.2 * tall, place.z), (wide, 1.2 * tall, wide), place, coat))


def _scatter(stage: Stage, far: float, size: float, kinds: tuple[str, ...]) -> None:
    """Put one of these kinds about so far away, within the view, if there is room."""
    draws = stage.draws
    angle = stage.path.venue.yaw + draws.uniform(-0.75, 0.75)
    x, z = far * math.sin(angle), far * math.cos(angle)
    kind = kinds[draws.whole(0, len(kinds) - 1)]
    sort = plants.SORTS[draws.whole(0, len(plants.SORTS) - 1)]
    tall = draws.uniform(2.5, 11) * size
    radius = (
        plants.tree_reach(sort, tall, stage.path.venue.eye)
        if kind == "tree"
        else RADII[kind] * size
    )
    if not stage.claim(x, z, radius):
        return
    place = Place(x, z, draws.uniform(0, math.tau))
    if kind == "tree":
        stage.add(*plants.tree(stage, place, tall, stage.coat("bark"), sort))
    elif kind == "post":
        tall = draws.uniform(0.8, 6)
        coat = stage.coat("wood", "plaster", "enamel")
        stage.add(*block(place, (0, 0, 0), (0.12, tall, 0.12), coat))
    else:
        tall = size
        stage.add(*_low(stage, place, kind, size))
    stage.shades.append(stage.shade(place, (radius, radius), 0.7 * tall, strength=0.35))


def _low(stage: Stage, place: Place, kind: str, size: float) -> list[Row]:
    draws = stage.draws
    if kind == "bush":
        return plants.bush(stage, place, draws.uniform(0.4, 0.9) * size)
    if kind == "rock":
        return plants.rock(stage, place, draws.uniform(0.15, 0.6) * size)
    if kind == "pot":
        return plants.potted(stage, place, draws.uniform(0.4, 1.2))
    return plants.tuft(stage, place, draws.uniform(0.2, 0.6) * size)


def fence(stage: Stage, far: float, yaw: float) -> None:
    """Put up a fence across the view: posts and rails, pickets, wire or railings."""
    draws = stage.draws
    tall, step, sort = draws.uniform(0.8, 1.6), draws.uniform(1.4, 2.6), draws.uniform(0, 1)
    coat = stage.coat("wood", "dark", "plain", "enamel")
    line = Place(0, 0, stage.path.venue.yaw).at(0, far, yaw)
    grid = stage.coat("railing")
    for number in range(-12, 12):
        here, there = line.at(number * step, 0), line.at((number + 1) * step, 0)
        if min(stage.path.clearance(p.x, p.z) for p in (here, there)) < 1.3:
            continue
        rows = block(here, (0, 0, 0), (0.09, tall, 0.09), coat)
        if sort < 0.4:
            middle = line.at((number + 0.5) * step, 0)
            rows.append(panel(middle, (0, -0.03, 0), step, tall * 0.9, grid, cut=True))
        else:
            thick = 0.012 if sort < 0.55 else 0.07
            for share in (0.35, 0.65, 0.92):
                rows += bar(
                    here.point(0, -share * tall, 0), there.point(0, -share * tall, 0), thick, coat
                )
        stage.add(*rows)


def _life(stage: Stage, *, people: int, animals: int, near: float = 3.0) -> None:
    draws = stage.draws
    for number in range(draws.whole(0, people) + draws.whole(0, animals)):
        far = near + 19 * draws.uniform(0, 1) ** 2
        angle = stage.path.venue.yaw + draws.uniform(-0.5, 0.5)
        x, z = far * math.sin(angle), far * math.cos(angle)
        yaw, reach = draws.uniform(0, math.tau), draws.uniform(1, 6)
        ends = [Place(x, z, yaw).at(0, share * reach) for share in (0.0, 0.5, 1.0)]
        if min(stage.path.clearance(end.x, end.z) for end in ends) < 1.5:
            continue
        way = draw_way(draws, x, z, yaw=yaw, reach_m=reach)
        walk_on(stage, draw_person(stage, way) if number < people else draw_animal(stage, way))
