"""The stage that a kind of scene is built on, and the world that comes of it.

A stage hands out coats, keeps the ground that is taken and the camera's way free, and numbers what
is put on it: one id per thing, however many primitives it has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from stereocast.kernels.raycast import Scene, textures
from stereocast.kernels.raycast.paintings import directions
from stereocast.kernels.raycast.primitives import Row, Vec, rectangle, shadow
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world.living import GROWN
from stereocast.training.scenes.world.materials import MADE
from stereocast.training.scenes.world.paths import Path
from stereocast.training.scenes.world.solids import Coat, Place

MATERIALS = {**MADE, **GROWN}
SIDE = 128
NEAREST_M = 0.35
"""How near to the eye's way anything may stand, beyond its own radius, in the venue's scale."""
SKY_M = 4000.0
SHINY = {"enamel": 0.6, "dark": 0.5, "tiles": 0.5, "wood": 0.35, "disc": 0.4, "plain": 0.15}
"""How often a sheet of a material is glossy."""
CUT_OUT = ("disc", "railing", "spray", "tuft", "hedge", "ridge")
FREE = ("plain", "printed", "printed", "cloudy", "tiles", "wood", "fabric", "bricks", "foliage")
Parts = tuple[list[Row], list[Row]]
Mover = Callable[[float], Parts]
"""Gives the rows and shadows of a thing after so many seconds; always as many rows."""


@dataclass(frozen=True)
class World:
    """What a seed has built: any instant of it follows from the time alone.

    resting, shades  rows and shadows of what rests, as Scene wants them
    owners  [rows] int32, the number of the thing that each row of the scene belongs to; −1: sky
    gloss   [sheets, 2], as gloss.py wants it
    """

    resting: Tensor
    shades: Tensor
    movers: tuple[Mover, ...]
    owners: Tensor
    sheets: Tensor
    gloss: Tensor
    light: Tensor
    sky: Coat | None
    path: Path

    def scene_at(self, seconds: float, eye: Vec) -> Scene:
        """Return what stands where, and the sky around an eye."""
        rows: list[Row] = []
        shades: list[Row] = []
        for mover in self.movers:
            more, under = mover(seconds)
            rows += more
            shades += under
        if self.sky is not None:
            rows += _sky(eye, self.sky)
        return Scene(
            primitives=torch.cat([self.resting, torch.tensor(rows).reshape(-1, 16)]),
            textures=self.sheets,
            shadows=torch.cat([self.shades, torch.tensor(shades).reshape(-1, 10)]),
            light=self.light,
        )


@dataclass
class Stage:
    """What is being built.

    wild     share of coats that are replaced by any pattern, so that no texture proves a shape
    sun      direction in which shadows fall on the ground, radians from x, and their length per
             metre of height; None: light from above
    """

    draws: Draws
    path: Path
    wild: float = 0.1
    scale: float = 1.0
    sun: tuple[float, float] | None = None
    sky: Coat | None = None
    light: Tensor = field(default_factory=lambda: torch.zeros(4, 3))
    rows: list[Row] = field(default_factory=list)
    shades: list[Row] = field(default_factory=list)
    movers: list[Mover] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    moving_owners: list[int] = field(default_factory=list)
    sheets: list[Tensor] = field(default_factory=list)
    gloss: list[tuple[float, float]] = field(default_factory=list)
    made: dict[tuple[str, bool], list[int]] = field(default_factory=dict)
    taken: list[tuple[float, float, float]] = field(default_factory=list)
    things: int = 0

    def coat(self, *names: str, round: bool = False, glow: float = 0.0) -> Coat:
        """Return a coat of one of these materials; `round`: to be wrapped around a ball."""
        name = names[self.draws.whole(0, len(names) - 1)]
        if name not in (*CUT_OUT, "sky", "face") and self.draws.uniform(0, 1) < self.wild:
            name = FREE[self.draws.whole(0, len(FREE) - 1)]
        made = self.made.setdefault((name, round), [])
        material = MATERIALS[name]
        if len(made) < material.variants and (not made or self.draws.uniform(0, 1) < 0.7):
            made.append(len(self.sheets))
            self.sheets.append(self._paint(name, round))
            shiny = self.chance(SHINY.get(name, 0.0))
            strength = self.draws.uniform(0.1, 0.8) if shiny else 0.0
            self.gloss.append((strength, self.draws.uniform(8.0, 120.0)))
            number = made[-1]
        else:
            number = made[self.draws.whole(0, len(made) - 1)]
        return Coat(number, material.sheet_m * self.scale, glow)

    def _paint(self, name: str, round: bool) -> Tensor:
        rgb, alpha = MATERIALS[name].painter(SIDE, self.draws)
        if round and name != "face":
            n = directions(SIDE)
            column = ((torch.atan2(n[1], n[0]) / torch.pi + 1) * SIDE).long() % SIDE
            row = ((torch.asin(n[2].clamp(-1, 1)) / torch.pi + 0.5) * SIDE).long()
            rgb = rgb.expand(3, SIDE, SIDE)[:, row.clamp_max(SIDE - 1), column]
        return textures.pyramid(rgb.expand(3, SIDE, SIDE).clamp(0, 1), alpha)

    def chance(self, share: float) -> bool:
        """Return whether something happens."""
        return self.draws.uniform(0, 1) < share

    def add(self, *rows: Row) -> None:
        """Put one thing that rests on the stage."""
        self.rows += rows
        self.owners += [self.things] * len(rows)
        self.things += 1

    def move(self, mover: Mover) -> None:
        """Put one thing that moves on the stage."""
        self.movers.append(mover)
        self.moving_owners += [self.things] * len(mover(0.0)[0])
        self.things += 1

    def claim(self, x: float, z: float, radius: float, *, near_m: float = NEAREST_M) -> bool:
        """Take a round piece of ground, unless something or the camera's way lies there."""
        if any(math.hypot(x - a, z - b) < radius + r for a, b, r in self.taken):
            return False
        # What is twice as large must stay twice as far away: nothing may fill the view.
        if self.path.clearance(x, z) < 1.6 * radius + near_m * self.scale:
            return False
        self.taken.append((x, z, radius))
        return True

    def shade(
        self, place: Place, half: tuple[float, float], tall: float, *, strength: float = 0.5
    ) -> Row:
        """Return the shadow of something with this footprint and height."""
        size = max(half)
        x, z, length, yaw = place.x, place.z, half[0], -place.yaw
        if self.sun is not None:
            angle, per_m = self.sun
            reach = min(tall * per_m, 6.0 * self.scale + 2 * size)
            x, z = x + math.cos(angle) * reach / 2, z + math.sin(angle) * reach / 2
            length, yaw = size + reach / 2, angle
        soft = max(0.6 * size, 0.04 * self.scale)
        return shadow(
            (x, place.y, z), (length, half[1]), softness_m=soft, strength=strength, yaw=yaw
        )

    def world(self) -> World:
        """Return what has been built."""
        owners = [*self.owners, *self.moving_owners, *([-1] * 4 if self.sky else [])]
        return World(
            resting=torch.tensor(self.rows),
            shades=torch.tensor(self.shades).reshape(-1, 10),
            movers=tuple(self.movers),
            owners=torch.tensor(owners, dtype=torch.int32),
            sheets=torch.stack(self.sheets),
            gloss=torch.tensor(self.gloss),
            light=self.light,
            sky=self.sky,
            path=self.path,
        )


def _sky(eye: Vec, coat: Coat) -> list[Row]:
    """Return four walls so far away that they may as well be at infinity."""
    rows, finish = [], coat.once()
    for quarter in range(4):
        place = Place(eye[0], eye[2], quarter * math.pi / 2, eye[1])
        rows.append(
            rectangle(
                place.point(-SKY_M, -1.96 * SKY_M, SKY_M),
                place.vector(2 * SKY_M, 0, 0),
                (0.0, 2.28 * SKY_M, 0.0),
                finish,
            )
        )
    return rows
