"""People and animals: limbs that swing as they walk, along a line and back.

Lengths are shares of the height, taken from drawing books: head 1/7.5, legs a little over one half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from stereocast.kernels.raycast.primitives import Row, Vec
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world.limbs import egg, limb
from stereocast.training.scenes.world.solids import Coat, Place
from stereocast.training.scenes.world.stage import Parts, Stage

STRIDE_M = 1.4
"""Two steps of a grown-up, metres."""


@dataclass(frozen=True)
class Way:
    """A line walked to and fro: from a place ahead by `reach_m` at `speed` m/s; 0: standing."""

    start: Place
    reach_m: float
    speed: float
    phase: float = 0.0

    def at(self, seconds: float) -> tuple[Place, float]:
        """Return where it is and how far it has gone in all, metres."""
        if self.speed <= 0 or self.reach_m <= 0:
            return self.start, 0.0
        gone = self.speed * seconds + self.phase
        lap = gone % (2 * self.reach_m)
        back = lap > self.reach_m
        ahead = 2 * self.reach_m - lap if back else lap
        # Turning round takes a step: no figure flips between two frames.
        near_end = min(lap, abs(lap - self.reach_m), 2 * self.reach_m - lap)
        turn = math.pi if back else 0.0
        if near_end < 0.3:
            share = 0.5 - 0.5 * near_end / 0.3
            towards = 1 if abs(lap - self.reach_m) < 0.3 else -1
            turn += (
                math.pi * share * (towards if (lap <= self.reach_m) == (towards > 0) else -towards)
            )
        return self.start.at(0.0, ahead, turn), gone


@dataclass(frozen=True)
class Person:
    """A person of some height in clothes of some coats; `pose`: walk, stand, sit, reach, wave."""

    way: Way
    tall: float
    girth: float
    pose: str
    phase: float
    head: Coat
    skin: Coat
    shirt: Coat
    trousers: Coat
    shoes: Coat
    seat_m: float = 0.45

    def rows_at(self, seconds: float) -> list[Row]:
        """Return the parts of the body."""
        place, gone = self.way.at(seconds)
        t, wide = self.tall, self.girth
        swing = math.tau * gone / (STRIDE_M * t / 1.7) + self.phase
        idle = 0.05 * math.sin(1.3 * seconds + self.phase)
        sits = self.pose == "sit"
        hip_y = self.seat_m + 0.06 * t if sits else 0.52 * t - 0.012 * t * abs(math.sin(swing))
        rows: list[Row] = []
        for side in (-1, 1):
            angle = 0.5 * math.sin(swing + (math.pi if side > 0 else 0)) if gone else 0.04 * side
            rows += self._leg(place, side, hip_y, angle, sits)
        chest = hip_y + 0.3 * t
        lean = 0.06 + idle
        shoulders = place.point(0, -chest, lean * 0.25 * t)
        rows += egg(shoulders, (0.118 * wide, 0.05 * t, 0.07 * wide), place, self.shirt)
        neck = place.point(0.0, -chest - 0.02 * t, lean * 0.3 * t)
        rows += limb(
            place.point(0, -hip_y + 0.03 * t, 0),
            neck,
            0.112 * wide,
            self.shirt,
            deep=0.65,
            place=place,
        )
        rows += egg(
            place.point(0, -hip_y - 0.01 * t, 0),
            (0.1 * wide, 0.075 * t, 0.075 * wide),
            place,
            self.trousers,
        )
        for side in (-1, 1):
            rows += self._arm(place, side, chest, swing if gone else 0.0, seconds)
        rows += self._head(place, chest, lean, seconds)
        return rows

    def shadow(self, seconds: float, stage: Stage) -> Row:
        """Return the shadow on the ground."""
        place, _ = self.way.at(seconds)
        return stage.shade(place, (0.16 * self.girth, 0.12 * self.girth), self.tall, strength=0.5)

    def _leg(self, place: Place, side: int, hip_y: float, angle: float, sits: bool) -> list[Row]:
        t, thick = self.tall, 0.05 * self.girth
        x = side * 0.055 * self.girth
        thigh, shin = 0.25 * t, 0.245 * t
        if sits:
            knee = (x * 1.4, -hip_y + 0.01, thigh)
            ankle = (x * 1.4, min(-hip_y + shin, -0.05), thigh + 0.03 * t)
        else:
            bend = max(0.0, -math.sin(angle)) * 0.9
            knee = (x, -hip_y + thigh * math.cos(angle), thigh * math.sin(angle))
            ankle = (
                x,
                knee[1] + shin * math.cos(angle - bend),
                knee[2] + shin * math.sin(angle - bend),
            )
        rows = limb(place.point(x, -hip_y, 0), place.point(*knee), thick * 1.25, self.trousers)
        rows += limb(place.point(*knee), place.point(*ankle), thick, self.trousers)
        toe = place.point(ankle[0], ankle[1] + 0.012 * t, ankle[2] + 0.09 * t)
        return rows + limb(
            place.point(ankle[0], ankle[1] + 0.012 * t, ankle[2] - 0.03 * t),
            toe,
            0.03 * t,
            self.shoes,
        )

    def _arm(
        self, place: Place, side: int, chest: float, swing: float, seconds: float
    ) -> list[Row]:
        t = self.tall
        x = side * 0.108 * self.girth
        upper, lower = 0.175 * t, 0.15 * t
        raised = self.pose in ("reach", "sit") or (self.pose == "wave" and side > 0)
        angle = 0.45 * math.sin(swing + (0 if side > 0 else math.pi)) if not raised else 0.5
        bend = 0.35 if not raised else 1.0 + 0.25 * math.sin(2.0 * seconds + self.phase + side)
        if self.pose == "wave" and side > 0:
            angle, bend = 1.4, 1.2 + 0.4 * math.sin(6 * seconds + self.phase)
        elbow = (x * 1.15, -chest + upper * math.cos(angle), upper * math.sin(angle))
        reach = angle + bend
        wrist = (x * 1.05, elbow[1] + lower * math.cos(reach), elbow[2] + lower * math.sin(reach))
        rows = limb(
            place.point(x, -chest, 0.02 * t), place.point(*elbow), 0.029 * self.girth, self.shirt
        )
        rows += limb(place.point(*elbow), place.point(*wrist), 0.022 * self.girth, self.skin)
        hand = (
            wrist[0],
            wrist[1] + 0.03 * t * math.cos(reach),
            wrist[2] + 0.03 * t * math.sin(reach),
        )
        return rows + egg(place.point(*hand), (0.018 * t, 0.042 * t, 0.028 * t), place, self.skin)

    def _head(self, place: Place, chest: float, lean: float, seconds: float) -> list[Row]:
        t = self.tall
        z = lean * 0.3 * t
        turned = place.at(0, 0, 0.5 * math.sin(0.5 * seconds + self.phase))
        rows = limb(
            place.point(0, -chest, z), place.point(0, -chest - 0.07 * t, z), 0.03 * t, self.skin
        )
        centre = place.point(0, -chest - 0.11 * t, z + 0.01 * t)
        return rows + egg(centre, (0.046 * t, 0.066 * t, 0.056 * t), turned, self.head)


@dataclass(frozen=True)
class Animal:
    """A four-legged animal: dog, cat, cow, horse, by its proportions."""

    way: Way
    tall: float
    long: float
    legs: float
    phase: float
    fur: Coat
    snout: Coat

    def rows_at(self, seconds: float) -> list[Row]:
        """Return the parts of the body."""
        place, gone = self.way.at(seconds)
        t, half, thick = self.tall, self.long / 2, 0.28 * self.tall * (1.3 - self.legs)
        swing = math.tau * gone / (1.1 * self.tall + 0.2)
        back = -t + thick
        rows = egg(place.point(0, back, 0), (thick * 0.85, thick, half * 1.1), place, self.fur)
        for number, (x, z) in enumerate(((-1, -1), (1, -1), (-1, 1), (1, 1))):
            angle = 0.45 * math.sin(swing + math.pi * (number in (1, 2))) if gone else 0.0
            top = (x * thick * 0.5, back + 0.3 * thick, z * half * 0.75)
            foot = (top[0], -0.01, top[2] - top[1] * math.sin(angle))
            rows += limb(place.point(*top), place.point(*foot), 0.07 * t + 0.01, self.fur)
        nod = 0.04 * t * math.sin(0.9 * seconds + self.phase)
        neck, head = (
            (0.0, back - 0.2 * thick, half * 0.9),
            (0.0, -t - 0.18 * t + nod, half * 1.25 + 0.05 * t),
        )
        rows += limb(place.point(*neck), place.point(*head), 0.11 * t, self.fur)
        rows += egg(
            place.point(head[0], head[1], head[2] + 0.1 * t),
            (0.1 * t, 0.1 * t, 0.19 * t),
            place,
            self.fur,
        )
        rows += egg(
            place.point(0, head[1] + 0.03 * t, head[2] + 0.27 * t),
            (0.05 * t, 0.05 * t, 0.06 * t),
            place,
            self.snout,
        )
        for side in (-1, 1):
            ear = place.point(side * 0.07 * t, head[1] - 0.11 * t, head[2])
            rows += egg(ear, (0.03 * t, 0.07 * t, 0.02 * t), place, self.fur)
        wag = 0.2 * math.sin(5 * seconds + self.phase)
        tail = (
            place.point(0, back - 0.1 * t, -half),
            place.point(wag * t, back + 0.15 * t, -half - 0.28 * t),
        )
        return rows + limb(*tail, 0.03 * t, self.fur)

    def shadow(self, seconds: float, stage: Stage) -> Row:
        """Return the shadow on the ground."""
        place, _ = self.way.at(seconds)
        return stage.shade(place, (0.2 * self.tall, self.long / 2), self.tall, strength=0.5)


def draw_person(
    stage: Stage,
    way: Way,
    *,
    pose: str | None = None,
    seat_m: float = 0.45,
    tall: float | None = None,
) -> Person:
    """Draw somebody: girth, clothes, and height where none is given."""
    draws = stage.draws
    child = draws.uniform(0, 1) < 0.12
    if pose is None:
        poses = ("walk",) if way.speed > 0 else ("stand", "stand", "reach", "wave")
        pose = poses[draws.whole(0, len(poses) - 1)]
    if tall is None:
        tall = draws.uniform(1.0, 1.4) if child else draws.uniform(1.55, 1.92)
    return Person(
        way=way,
        tall=tall,
        girth=tall * draws.uniform(0.9, 1.2),
        pose=pose,
        phase=draws.uniform(0, math.tau),
        head=stage.coat("face", round=True),
        skin=stage.coat("skin", round=True),
        shirt=stage.coat("fabric", "enamel", "plain", round=True),
        trousers=stage.coat("fabric", "dark", "enamel", round=True),
        shoes=stage.coat("dark", "enamel", round=True),
        seat_m=seat_m,
    )


def draw_animal(stage: Stage, way: Way, *, small: bool = False) -> Animal:
    """Draw an animal: from a cat to a horse, `small`: what lives in a house."""
    draws = stage.draws
    tall = draws.uniform(0.25, 0.65) if small else draws.uniform(0.4, 1.6)
    return Animal(
        way=way,
        tall=tall,
        long=tall * draws.uniform(0.9, 1.5),
        legs=draws.uniform(0.5, 0.9),
        phase=draws.uniform(0, math.tau),
        fur=stage.coat("fur", round=True),
        snout=stage.coat("dark", round=True),
    )


def walk_on(stage: Stage, figure: Person | Animal) -> None:
    """Put a figure on the stage with its shadow."""

    def mover(seconds: float) -> Parts:
        return figure.rows_at(seconds), [figure.shadow(seconds, stage)]

    stage.move(mover)


def draw_way(
    draws: Draws, x: float, z: float, *, yaw: float, reach_m: float, fast: float = 1.5
) -> Way:
    """Draw how somebody walks to and fro from a point."""
    speed = draws.uniform(0.6, fast)
    return Way(Place(x, z, yaw), reach_m, speed, draws.uniform(0, 2 * reach_m))


def middle_of(way: Way) -> Vec:
    """Return the point half-way along a way."""
    return way.start.point(0.0, 0.0, way.reach_m / 2)
