"""The built-in moving scene: a brick hall with crates, globes, posts, a rug and a spray of leaves.

A pure function of time: any instant can be rendered directly. The unit is the metre, the eye stands
near the origin, the floor is at y = 1.6.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stereocast.kernels.raycast import (
    Camera,
    Scene,
    disparity_px,
    paintings,
    raycast,
    textures,
)
from stereocast.kernels.raycast.primitives import (
    Finish,
    Row,
    box,
    card,
    rectangle,
    shadow,
    sphere,
)

HALF_WIDTH_M, FLOOR_Y, CEILING_Y, BACK_Z, FRONT_Z = 4.6, 1.6, -2.3, 13.0, -3.5
LAMP = (0.3, -1.45, 5.2)
CONVERGENCE_M = 4.0
SHARE_OF_INFINITY = 0.025
"""Disparity behind the screen at infinity, as a share of the width; a third of 4 m is at +5 %."""

(
    BRICKS,
    FLOOR,
    CEILING,
    CRATE,
    TILES,
    POST,
    RUG,
    LANDSCAPE,
    LEAVES,
    BALL,
    PLANET,
    ROSE,
    JADE,
    GLOW,
    STUDY,
) = range(15)


def paint(side: int = 512) -> Tensor:
    """Return the textures of the scene, as Scene wants them, always the same."""
    g = torch.Generator().manual_seed(20)
    leaf, alpha = paintings.leaves(side, g)
    sheets = [
        textures.pyramid(textures.bricks(side, g)),
        textures.pyramid(textures.planks(side, g, (0.70, 0.50, 0.32))),
        textures.pyramid(textures.panels(side, g, (0.72, 0.60, 0.46))),
        textures.pyramid(textures.crate(side, g)),
        textures.pyramid(textures.checks(side, g, (0.93, 0.90, 0.82), (0.10, 0.46, 0.50))),
        textures.pyramid(textures.stripes(side, g, (0.95, 0.93, 0.88), (0.80, 0.20, 0.18))),
        textures.pyramid(paintings.carpet(side, g)),
        textures.pyramid(paintings.landscape(side, g)),
        textures.pyramid(leaf, alpha),
        textures.pyramid(paintings.beach_ball(side, g)),
        textures.pyramid(paintings.planet(side, g)),
        textures.pyramid(paintings.marble(side, g, (0.85, 0.55, 0.52), (0.98, 0.92, 0.86))),
        textures.pyramid(paintings.marble(side, g, (0.20, 0.52, 0.42), (0.80, 0.90, 0.72))),
        textures.pyramid(textures.milk_glass(side, g, (1.0, 0.95, 0.82))),
        textures.pyramid(paintings.landscape(side, g)),
    ]
    return torch.stack(sheets)


def scene_at(seconds: float, sheets: Tensor) -> Scene:
    """Return the scene at an instant; `sheets` are the textures of `paint`."""
    rows = [*_hall(), *_furniture(seconds)]
    shades: list[Row] = []
    for row, shade in _moving(seconds):
        rows.append(row)
        shades.append(shade)
    rows.append(_spray(seconds))
    light = [LAMP, (2.3, 2.15, 1.85), (0.30, 0.32, 0.38), (20.0, 22.0, 28.0)]
    return Scene(
        primitives=torch.tensor(rows),
        textures=sheets,
        shadows=torch.tensor([*_resting_shadows(seconds), *shades]),
        light=torch.tensor(light),
    )


def camera_at(seconds: float, *, height: int, width: int) -> Camera:
    """Return the left eye at an instant: a slow drift, horizontal field of view 70°."""
    sway = 0.32 * math.sin(0.42 * seconds)
    forward = 0.55 * math.sin(0.25 * seconds)
    yaw = 0.055 * math.sin(0.33 * seconds + 0.6)
    focal = width / (2 * math.tan(math.radians(35)))
    c, s = math.cos(yaw), math.sin(yaw)
    return Camera(
        position=torch.tensor([sway, 0.06 * math.sin(0.5 * seconds), forward]),
        orientation=torch.tensor([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]]),
        focal_px=torch.tensor(focal),
        principal_px=torch.tensor([width / 2, height * 0.47]),
    )


def stereo_pair(
    scene: Scene, left: Camera, *, height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Render both eyes, [3, H, W] uint8 each, and the left one's disparity [H, W] float32, px."""
    eyes = baseline_m(left, width)
    right = left.other_eye(baseline_m=eyes, convergence_m=CONVERGENCE_M)
    picture, depth, _ = raycast(scene, left, height=height, width=width)
    other, _, _ = raycast(scene, right, height=height, width=width)
    disparity = disparity_px(depth, left, baseline_m=eyes, convergence_m=CONVERGENCE_M)
    return picture, other, disparity


def baseline_m(camera: Camera, width: int) -> Tensor:
    """Return the distance of the eyes, [] float32, that gives the scene its strength of 5 %."""
    return SHARE_OF_INFINITY * width * CONVERGENCE_M / camera.focal_px


def _hall() -> list[Row]:
    w, depth, tall = HALF_WIDTH_M, BACK_Z - FRONT_Z, FLOOR_Y - CEILING_Y
    wall = Finish(BRICKS, (depth / 1.6, tall / 1.3), corner_m=1.3)
    back = Finish(BRICKS, (2 * w / 1.6, tall / 1.3), corner_m=1.3)
    return [
        rectangle(
            (-w, FLOOR_Y, FRONT_Z),
            (2 * w, 0, 0),
            (0, 0, depth),
            Finish(FLOOR, (2 * w / 1.5, depth / 1.2), corner_m=1.0, shadowed=True),
        ),
        rectangle(
            (-w, CEILING_Y, FRONT_Z),
            (2 * w, 0, 0),
            (0, 0, depth),
            Finish(CEILING, (6.0, 11.0), corner_m=1.2),
        ),
        rectangle((-w, CEILING_Y, FRONT_Z), (0, 0, depth), (0, tall, 0), wall),
        rectangle((w, CEILING_Y, FRONT_Z), (0, 0, depth), (0, tall, 0), wall),
        rectangle((-w, CEILING_Y, BACK_Z), (2 * w, 0, 0), (0, tall, 0), back),
        rectangle(
            (-2.3, -1.55, BACK_Z - 0.06), (4.6, 0, 0), (0, 2.3, 0), Finish(LANDSCAPE, glow=0.75)
        ),
        rectangle((-w + 0.05, -1.2, 6.6), (0, 0, 2.2), (0, 1.5, 0), Finish(STUDY, glow=0.6)),
        rectangle((w - 0.05, -1.2, 9.0), (0, 0, -2.2), (0, 1.5, 0), Finish(STUDY, glow=0.6)),
        rectangle(
            (-2.1, FLOOR_Y - 0.012, 3.6), (4.2, 0, 0), (0, 0, 5.2), Finish(RUG, shadowed=True)
        ),
    ]


def _furniture(seconds: float) -> list[Row]:
    crate, tiles, post = Finish(CRATE), Finish(TILES), Finish(POST, (1.0, 6.0))
    rows = [
        *box((-2.95, FLOOR_Y - 0.55, 7.2), (1.1, 1.1, 1.1), crate, yaw=0.25),
        *box((-1.85, FLOOR_Y - 0.45, 8.3), (0.9, 0.9, 0.9), crate, yaw=-0.35),
        *box((-2.85, FLOOR_Y - 1.45, 7.25), (0.7, 0.7, 0.7), crate, yaw=0.75),
        *box((2.6, FLOOR_Y - 0.45, 6.2), (0.9, 0.9, 0.9), tiles, yaw=0.35 * seconds),
        *box((3.3, FLOOR_Y - 0.65, 9.6), (1.3, 1.3, 1.3), crate, yaw=-0.2),
    ]
    for x, z in ((-1.75, 3.6), (1.85, 4.4), (-0.95, 10.2), (1.2, 10.8)):
        rows += box((x, FLOOR_Y - 0.75, z), (0.07, 1.5, 0.07), post, yaw=0.3)
        rows.append(sphere((x, FLOOR_Y - 1.58, z), 0.10, Finish(JADE)))
    rows += box(
        (LAMP[0], (CEILING_Y + LAMP[1]) / 2, LAMP[2]), (0.03, LAMP[1] - CEILING_Y, 0.03), crate
    )
    rows.append(sphere(LAMP, 0.17, Finish(GLOW, glow=1.0)))
    return rows


def _resting_shadows(seconds: float) -> list[Row]:
    boxes = [
        (-2.95, 7.2, 0.55, 0.25),
        (-1.85, 8.3, 0.45, -0.35),
        (2.6, 6.2, 0.45, 0.35 * seconds),
        (3.3, 9.6, 0.65, -0.2),
    ]
    rows = [
        shadow((x, FLOOR_Y, z), (half, half), softness_m=0.45, strength=0.7, yaw=yaw)
        for x, z, half, yaw in boxes
    ]
    for x, z in ((-1.75, 3.6), (1.85, 4.4), (-0.95, 10.2), (1.2, 10.8)):
        rows.append(shadow((x, FLOOR_Y, z), (0.03, 0.03), softness_m=0.22, strength=0.55))
    return rows


def _moving(seconds: float) -> list[tuple[Row, Row]]:
    """Return moving spheres, each with the shadow under it."""
    bounce = abs(math.sin(2.1 * seconds))
    ball_x = 1.7 * math.sin(0.63 * seconds)
    turn = 0.8 * seconds
    orbit = (
        0.15 + 1.15 * math.cos(turn),
        -0.05 + 0.25 * math.sin(2 * turn),
        6.6 + 1.15 * math.sin(turn),
    )
    rise = 0.10 * math.sin(0.9 * seconds)
    spheres = [
        ((0.15, 0.1 + rise, 6.6), 0.62, Finish(PLANET), -0.35 * seconds),
        (orbit, 0.17, Finish(ROSE), -1.2 * seconds),
        ((ball_x, FLOOR_Y - 0.32 - 0.85 * bounce, 4.3), 0.32, Finish(BALL), -1.6 * seconds),
    ]
    found = []
    for centre, radius, finish, spin in spheres:
        above = FLOOR_Y - centre[1] - radius
        shade = shadow(
            (centre[0], FLOOR_Y, centre[2]),
            (0.35 * radius, 0.35 * radius),
            softness_m=0.9 * radius + 0.35 * above,
            strength=0.75 / (1 + 0.9 * above),
        )
        found.append((sphere(centre, radius, finish, spin=spin), shade))
    return found


def _spray(seconds: float) -> Row:
    x = 0.6 + 0.25 * math.sin(0.5 * seconds)
    lean = 0.10 * math.sin(0.8 * seconds)
    c, s = math.cos(lean), math.sin(lean)
    return card((x, 0.0, 2.3), (0.9 * c, 0.9 * s, 0.0), (-1.2 * s, 1.2 * c, 0.0), Finish(LEAVES))
