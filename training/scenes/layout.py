"""The drawing of a room: how large, where things stand, how they move, what they wear.

Ranges are those of the scenes that the project's stereo figures were measured on: a hall of about
14 × 6 × 22 m, five boxes, four spheres of which two move, four thin posts, one ragged leaf.
Distances are from the eye's place at frame 0, straight ahead.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stereocast.kernels.raycast.primitives import Finish, Row, box, rectangle
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.looks import SKINS, THING_SHEETS, WALL_SHEETS, draw_sheets
from stereocast.training.scenes.room import HFOV_DEG, Ball, Leaf, Place, Room, Swing

BOXES, POSTS = 5, 4
BALLS, WALLS = SKINS, WALL_SHEETS
"""Each wears a texture of its own."""
FLAT_SHEETS = WALLS + THING_SHEETS
LOOK_STREAM = 2
"""Tells the draws of textures from those of geometry: one may change without the other."""
FORWARD_M = 0.015
"""Forward motion per frame at the beginning."""
FORWARD_REACH_M = 0.5
"""The eye never comes nearer to what stands in front of it than by this."""
HALF_VIEW = math.tan(math.radians(HFOV_DEG / 2))
"""Half the width of what is seen at 1 m."""


def draw_room(seed: int) -> Room:
    """Draw the room of a seed: the same seed is always the same room."""
    draws = Draws(seed)
    floor_y = draws.uniform(1.45, 1.75)
    wear = draws.shuffled(WALLS)
    wear += [WALLS + number % THING_SHEETS for number in range(BOXES + POSTS)]
    return Room(
        resting=(
            *_walls(draws, floor_y, wear[:WALLS]),
            *_boxes(draws, floor_y, wear[WALLS : WALLS + BOXES]),
            *_posts(draws, floor_y, wear[WALLS + BOXES :]),
        ),
        balls=tuple(_balls(draws, floor_y)),
        leaf=_leaf(draws),
        eye=Place(
            Swing(0.0, 0.25, draws.uniform(0.018, 0.036), draws.uniform(0, math.tau)),
            Swing(0.0, 0.06, draws.uniform(0.012, 0.03), draws.uniform(0, math.tau)),
            Swing(0.0, FORWARD_REACH_M, FORWARD_M / FORWARD_REACH_M),
        ),
        yaw=Swing(draws.uniform(-0.06, 0.06), 0.05, 0.035, draws.uniform(0, math.tau)),
        sheets=torch.stack(draw_sheets(Draws(seed, LOOK_STREAM))),
        light=_light(draws, floor_y),
    )


def _walls(draws: Draws, floor_y: float, wear: list[int]) -> list[Row]:
    wide, tall, deep = draws.uniform(13, 15), draws.uniform(5.5, 6.5), draws.uniform(21, 23)
    left, back = -wide / 2 + draws.uniform(-1.5, 1.5), draws.uniform(-2.0, -1.2)
    top, right, front = floor_y - tall, left + wide, back + deep
    faces = [
        ((left, floor_y, back), (wide, 0.0, 0.0), (0.0, 0.0, deep)),
        ((left, top, back), (wide, 0.0, 0.0), (0.0, 0.0, deep)),
        ((left, top, back), (0.0, 0.0, deep), (0.0, tall, 0.0)),
        ((right, top, back), (0.0, 0.0, deep), (0.0, tall, 0.0)),
        ((left, top, front), (wide, 0.0, 0.0), (0.0, tall, 0.0)),
        ((left, top, back), (wide, 0.0, 0.0), (0.0, tall, 0.0)),
    ]
    rows = []
    for texture, (corner, u, v) in zip(wear, faces, strict=True):
        sheet_m = draws.uniform(1.3, 2.2)
        finish = Finish(texture, (sum(u) / sheet_m, sum(v) / sheet_m), corner_m=1.2)
        rows.append(rectangle(corner, u, v, finish))
    return rows


def _boxes(draws: Draws, floor_y: float, wear: list[int]) -> list[Row]:
    rows = []
    for texture, x_share in zip(wear, _across(draws, BOXES), strict=True):
        size = (draws.uniform(0.5, 1.6), draws.uniform(0.5, 1.6), draws.uniform(0.5, 1.6))
        z = draws.uniform(4, 12) + size[2] / 2
        centre = (x_share * HALF_VIEW * z, floor_y - size[1] / 2, z)
        finish = Finish(texture, (draws.uniform(0.5, 1.1), draws.uniform(0.5, 1.1)))
        rows += box(centre, size, finish, yaw=draws.uniform(-0.7, 0.7))
    return rows


def _posts(draws: Draws, floor_y: float, wear: list[int]) -> list[Row]:
    rows = []
    for texture, x_share in zip(wear, _across(draws, POSTS), strict=True):
        wide, tall, z = draws.uniform(0.03, 0.1), draws.uniform(1.6, 3.6), draws.uniform(2.5, 7)
        centre = (x_share * HALF_VIEW * z, floor_y - tall / 2, z)
        finish = Finish(texture, (wide / 0.4, tall / 0.7))
        rows += box(centre, (wide, tall, wide), finish, yaw=draws.uniform(-0.7, 0.7))
    return rows


def _balls(draws: Draws, floor_y: float) -> list[Ball]:
    balls = []
    for number, x_share in enumerate(_across(draws, BALLS)):
        radius, z = draws.uniform(0.2, 0.6), draws.uniform(3, 8)
        y = min(draws.uniform(-0.25, 0.3) * z, floor_y - radius)
        middle = (x_share * HALF_VIEW * z, y, z)
        moves = number < BALLS // 2
        swings = [_swing(draws, value, 0.03) if moves else Swing(value) for value in middle]
        finish = Finish(FLAT_SHEETS + number)
        balls.append(Ball(Place(swings[0], swings[1], swings[2]), radius, finish))
    return balls


def _leaf(draws: Draws) -> Leaf:
    z, drift = draws.uniform(2.0, 3.2), draws.uniform(0.008, 0.02)
    rate, phase = draws.uniform(0.03, 0.05), draws.uniform(0, math.tau)
    return Leaf(
        middle=Place(
            Swing(draws.uniform(-0.5, 0.5) * HALF_VIEW * z, drift / rate, rate, phase),
            Swing(draws.uniform(-0.3, 0.4), 0.04, 0.07, draws.uniform(0, math.tau)),
            Swing(z),
        ),
        size_m=(0.9, 1.2),
        lean=Swing(draws.uniform(-0.3, 0.3), 0.1, 0.05, draws.uniform(0, math.tau)),
        turn=draws.uniform(-0.35, 0.35),
        finish=Finish(FLAT_SHEETS + BALLS),
    )


def _across(draws: Draws, count: int) -> list[float]:
    """Return places across the view at frame 0, one per equal strip, −1 left to 1 right."""
    return [
        0.92 * (2 * (strip + draws.uniform(0.15, 0.85)) / count - 1)
        for strip in draws.shuffled(count)
    ]


def _swing(draws: Draws, middle: float, fastest_m: float) -> Swing:
    """Return a motion of at most `fastest_m` per frame."""
    speed, rate = draws.uniform(0.3, 1.0) * fastest_m, draws.uniform(0.05, 0.09)
    return Swing(middle, speed / rate, rate, draws.uniform(0, math.tau))


def _light(draws: Draws, floor_y: float) -> Tensor:
    lamp = (draws.uniform(-3, 3), floor_y - draws.uniform(4.2, 5.0), draws.uniform(3, 10))
    warmth, strength = draws.uniform(-0.12, 0.12), draws.uniform(4.0, 6.0)
    diffuse = (strength * (1 + warmth), strength, strength * (1 - warmth))
    return torch.tensor([lamp, diffuse, (0.55, 0.56, 0.60), (0.0, 0.0, 0.0)])
