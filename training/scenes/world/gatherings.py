"""People as the subject: close to the camera, in crowds, and one's own hands."""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world import furniture
from stereocast.training.scenes.world.figures import Way, draw_person, draw_way, walk_on
from stereocast.training.scenes.world.light import lamp, open_sky
from stereocast.training.scenes.world.limbs import egg, limb
from stereocast.training.scenes.world.paths import Venue, draw_path
from stereocast.training.scenes.world.shell import shell
from stereocast.training.scenes.world.solids import Coat, Place, bar, block, panel, slab
from stereocast.training.scenes.world.stage import Parts, Stage


def portrait(draws: Draws, motion: str | None) -> Stage:
    """Build one to three people who talk, waist up, in a room."""
    focus, tall = draws.uniform(0.7, 2.2), draws.uniform(1.55, 1.9)
    eye = tall * draws.uniform(0.78, 0.98)
    venue = Venue(
        eye=eye,
        ahead_m=0.1 * focus,
        aside_m=0.2 * focus,
        focus_m=focus,
        yaw=draws.uniform(-0.12, 0.12),
        # Somewhere between the chin and the chest lies the middle of the picture.
        pitch=math.atan2(eye - tall * draws.uniform(0.8, 0.97), focus),
    )
    stage = Stage(draws, draw_path(draws, venue, motion), wild=0.1)
    bounds = (-draws.uniform(1.5, 3), draws.uniform(1.5, 3), -1.2, focus + draws.uniform(0.8, 4))
    shell(stage, bounds, 2.7)
    lamp(stage, (draws.uniform(-1.2, 1.2), -2.4, draws.uniform(-0.3, 0.6 * focus)), reach_m=1.6)
    for x in (draws.uniform(-1.2, -0.3), draws.uniform(0.3, 1.2)):
        makers = (furniture.shelf, furniture.floor_lamp, furniture.cabinet)
        stage.add(*makers[draws.whole(0, 2)](stage, Place(x, bounds[3] - 0.05, math.pi)))
    picture = stage.coat("painting", "painting", "cloudy")
    back = Place(draws.uniform(-0.8, 0.8), bounds[3], math.pi)
    stage.add(panel(back, (0, -1.2, 0.02), 1.0, draws.uniform(0.6, 1.1), picture))
    for number in range(draws.whole(1, 3)):
        x = (0.0, -0.7, 0.75)[number] * (0.35 + 0.35 * focus) + draws.uniform(-0.1, 0.1)
        z = focus + (0.0, 0.4, 0.7)[number] + draws.uniform(-0.05, 0.2)
        pose = ("stand", "wave", "reach")[draws.whole(0, 2)]
        way = Way(Place(x, z, math.pi + draws.normal(0.5)), 0.0, 0.0)
        walk_on(stage, draw_person(stage, way, pose=pose, tall=tall if number == 0 else None))
    if stage.chance(0.2):
        raised_hands(stage, -eye + 0.25, 0.32)
    return stage


def crowd(draws: Draws, motion: str | None) -> Stage:
    """Build a square or park full of people who stand, walk and talk."""
    high = draws.uniform(0, 1) < 0.2
    venue = Venue(
        eye=draws.uniform(2.5, 6) if high else draws.uniform(1.2, 1.8),
        ahead_m=draws.uniform(2, 8),
        aside_m=0.8,
        focus_m=4.0,
        yaw=draws.normal(0.2),
        pitch=draws.uniform(0.25, 0.5) if high else draws.uniform(-0.02, 0.2),
    )
    wild = 1.0 if draws.uniform(0, 1) < 0.1 else 0.05
    stage = Stage(draws, draw_path(draws, venue, motion), wild=wild)
    open_sky(stage)
    floor = stage.coat("tiles", "asphalt", "grass", "bricks", "plaster").over(
        400, 400, shadowed=True
    )
    stage.add(slab((0, 0, 150), 400, 400, floor))
    for _ in range(draws.whole(2, 7)):
        far, angle = draws.uniform(22, 60), draws.uniform(-0.9, 0.9)
        house = Place(far * math.sin(angle), far * math.cos(angle), draws.uniform(0, math.pi))
        size = (draws.uniform(8, 25), draws.uniform(5, 20), draws.uniform(8, 25))
        stage.add(*block(house, (0, 0, 0), size, stage.coat("facade", "facade", "bricks")))
    for _ in range(draws.whole(10, 26)):
        far = 2.2 + 18 * draws.uniform(0, 1) ** 1.5
        angle = venue.yaw + draws.uniform(-0.6, 0.6)
        x, z = far * math.sin(angle), far * math.cos(angle)
        if not stage.claim(x, z, 0.3, near_m=0.8):
            continue
        way = Way(Place(x, z, draws.uniform(0, math.tau)), 0.0, 0.0)
        moving = draw_way(draws, x, z, yaw=draws.uniform(0, math.tau), reach_m=draws.uniform(1, 4))
        ends = (moving.start.at(0, share * moving.reach_m) for share in (0.5, 1.0))
        if stage.chance(0.6) and min(stage.path.clearance(e.x, e.z) for e in ends) > 1.0:
            way = moving
        walk_on(stage, draw_person(stage, way))
    return stage


def night(draws: Draws, motion: str | None) -> Stage:
    """Build people and a scaffold in one pool of light, with darkness around and behind."""
    focus = draws.uniform(2.5, 6)
    venue = Venue(
        eye=draws.uniform(1.0, 1.8),
        ahead_m=0.25 * focus,
        aside_m=0.5,
        focus_m=focus,
        yaw=draws.normal(0.1),
        pitch=draws.uniform(-0.1, 0.1),
    )
    stage = Stage(draws, draw_path(draws, venue, motion), wild=0.1)
    half = draws.uniform(3, 9)
    shell(stage, (-half, half, -2.0, focus + draws.uniform(2, 12)), draws.uniform(4, 9), openings=0)
    lamp(stage, (draws.normal(1.5), -3.3, focus + draws.uniform(-2.5, 0.5)), reach_m=4.5)
    stage.light[2] = draws.uniform(0.01, 0.1)
    metal = stage.coat("enamel", "dark", "plain")
    for _ in range(draws.whole(2, 7)):
        x, z = draws.normal(1.6), focus + draws.normal(1.0)
        if not stage.claim(x, z, 0.35, near_m=1.0):
            continue
        place = Place(x, z, draws.uniform(0, math.tau))
        if stage.chance(0.6):
            walk_on(stage, draw_person(stage, Way(place, 0.0, 0.0)))
            continue
        rows, tall = [], draws.uniform(1.0, 4.0)
        for corner in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
            foot, top = (place.point(corner[0], -y, corner[1]) for y in (0.0, tall))
            rows += bar(foot, top, 0.05, metal)
            for share in (0.3, 0.65, 1.0):
                here = place.point(corner[0], -share * tall, corner[1])
                there = place.point(-corner[1], -share * tall, corner[0])
                rows += bar(here, there, 0.04, metal)
        stage.add(*rows)
        stage.shades.append(stage.shade(place, (0.5, 0.5), tall, strength=0.4))
    return stage


def raised_hands(stage: Stage, y: float, far: float) -> None:
    """Let one or two hands move about before the camera, sleeves towards it."""
    draws = stage.draws
    skin, sleeve = stage.coat("skin", round=True), stage.coat("fabric", "enamel", round=True)
    sides = (-1, 1) if stage.chance(0.5) else (1 if stage.chance(0.5) else -1,)
    rate, phase, spread = draws.uniform(0.4, 2.5), draws.uniform(0, 6), draws.uniform(0.08, 0.2)
    lift, curl = draws.uniform(0.0, 0.05), draws.uniform(0.0, 0.8)

    def mover(seconds: float) -> Parts:
        rows: list[Row] = []
        for side in sides:
            turn = rate * seconds + phase + side
            place = Place(
                side * spread + 0.03 * math.sin(turn),
                far + 0.05 * math.sin(0.7 * turn),
                -0.4 * side + 0.2 * math.sin(1.3 * turn),
                y - lift * math.sin(turn),
            )
            rows += hand(place, side, curl * (0.6 + 0.4 * math.sin(turn)), skin)
            wrist, elbow = place.point(0, 0.01, -0.06), place.point(0.05 * side, 0.16, -0.34)
            rows += limb(wrist, elbow, 0.042, sleeve)
        return rows, []

    stage.move(mover)


def hand(place: Place, side: int, curl: float, skin: Coat) -> list[Row]:
    """Return a hand whose fingers point along local z, palm down; `curl` bends them, radians."""
    rows = egg(place.point(0, 0, 0), (0.042, 0.016, 0.05), place, skin)
    for number in range(4):
        x = (number - 1.5) * 0.021
        long = (0.034, 0.04, 0.038, 0.03)[number if side > 0 else 3 - number]
        knuckle = place.point(x, 0.0, 0.04)
        bend = 0.5 * curl
        middle = (x * 1.1, long * math.sin(bend), 0.04 + long * math.cos(bend))
        bend += curl
        tip = (x * 1.15, middle[1] + long * math.sin(bend), middle[2] + long * math.cos(bend))
        rows += limb(knuckle, place.point(*middle), 0.0105, skin)
        rows += limb(place.point(*middle), place.point(*tip), 0.0095, skin)
    thumb = place.point(-side * 0.065, 0.005, 0.035)
    return rows + limb(place.point(-side * 0.03, 0.0, -0.02), thumb, 0.013, skin)
