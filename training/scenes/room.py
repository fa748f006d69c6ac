"""A closed room seen from inside, as data: what rests, what moves, where the camera goes.

How a room is drawn from a seed is in layout.py; what is known about its pictures, in clip.py. World
axes as in kernels/raycast: x right, y down, z forward, metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels.raycast import Camera, Scene
from stereocast.kernels.raycast.primitives import Finish, Row, Vec, card, sphere

HFOV_DEG = 70.0


@dataclass(frozen=True)
class Swing:
    """A number that swings: middle + reach · sin(rate · frame + phase)."""

    middle: float
    reach: float = 0.0
    rate: float = 0.0
    phase: float = 0.0

    def at(self, frame: float) -> float:
        """Return the number at a frame."""
        return self.middle + self.reach * math.sin(self.rate * frame + self.phase)


@dataclass(frozen=True)
class Place:
    """A point whose three coordinates swing, each in its own time."""

    x: Swing
    y: Swing
    z: Swing

    def at(self, frame: int) -> Vec:
        """Return the point at a frame."""
        return self.x.at(frame), self.y.at(frame), self.z.at(frame)


@dataclass(frozen=True)
class Ball:
    """A sphere, resting or moving."""

    centre: Place
    radius_m: float
    finish: Finish

    def row_at(self, frame: int) -> Row:
        """Return its row of the scene table."""
        return sphere(self.centre.at(frame), self.radius_m, self.finish)


@dataclass(frozen=True)
class Leaf:
    """A ragged cut-out card that drifts sideways and leans; `turn` is its yaw in radians."""

    middle: Place
    size_m: tuple[float, float]
    lean: Swing
    turn: float
    finish: Finish

    def row_at(self, frame: int) -> Row:
        """Return its row of the scene table."""
        lean, middle = self.lean.at(frame), self.middle.at(frame)
        cl, sl, ct, st = math.cos(lean), math.sin(lean), math.cos(self.turn), math.sin(self.turn)
        width, tall = self.size_m
        right: Vec = (width * cl * ct, width * sl, width * cl * st)
        down: Vec = (-tall * sl * ct, tall * cl, -tall * sl * st)
        corner = [m - (r + d) / 2 for m, r, d in zip(middle, right, down, strict=True)]
        return card((corner[0], corner[1], corner[2]), right, down, self.finish)


@dataclass(frozen=True)
class Room:
    """One room: any instant of it follows from the frame index alone.

    resting  rows of walls, boxes and posts
    eye      position of the left eye; yaw: where it looks, radians to the right of z
    sheets   textures, and light [4, 3], both as Scene wants them
    """

    resting: tuple[Row, ...]
    balls: tuple[Ball, ...]
    leaf: Leaf
    eye: Place
    yaw: Swing
    sheets: Tensor
    light: Tensor

    def scene_at(self, frame: int) -> Scene:
        """Return what stands where in a frame."""
        moving = [ball.row_at(frame) for ball in self.balls]
        return Scene(
            primitives=torch.tensor([*self.resting, *moving, self.leaf.row_at(frame)]),
            textures=self.sheets,
            shadows=torch.zeros(0, 10),
            light=self.light,
        )

    def camera_at(self, frame: int, *, height: int, width: int) -> Camera:
        """Return the left eye in a frame; its horizontal field of view is 70°."""
        yaw = self.yaw.at(frame)
        c, s = math.cos(yaw), math.sin(yaw)
        return Camera(
            position=torch.tensor(self.eye.at(frame)),
            orientation=torch.tensor([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]]),
            focal_px=torch.tensor(width / (2 * math.tan(math.radians(HFOV_DEG / 2)))),
            principal_px=torch.tensor([width / 2, height / 2]),
        )
