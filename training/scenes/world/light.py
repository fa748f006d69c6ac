"""Light of rooms and of the open: a lamp, a sun, a sky."""

from __future__ import annotations

import math

import torch

from stereocast.kernels.raycast.primitives import Vec
from stereocast.training.scenes.world.stage import Stage

SUN_M = 2000.0


def lamp(stage: Stage, position: Vec, *, reach_m: float) -> None:
    """Light a room by one lamp that is bright at `reach_m`, and by what the walls give back."""
    draws = stage.draws
    strength = reach_m * draws.uniform(0.4, 1.3)
    ambient = draws.uniform(0.35, 0.9)
    warm = draws.uniform(-0.06, 0.14)
    stage.light = torch.tensor(
        [
            position,
            (strength * (1 + warm), strength, strength * (1 - warm)),
            (ambient, ambient, ambient),
            (8.0, 8.0, 8.0),
        ]
    )


def open_sky(stage: Stage) -> None:
    """Light the open by a sun somewhere above, or by clouds; hang up the sky."""
    draws = stage.draws
    azimuth, height = draws.uniform(0, math.tau), draws.uniform(0.35, 1.2)
    sun = draws.uniform(0.0, 0.75) if draws.uniform(0, 1) < 0.75 else 0.0
    ambient = draws.uniform(0.4, 0.65) + 0.45 * (0.75 - sun)
    c, s = math.cos(height), math.sin(height)
    position = (SUN_M * c * math.cos(azimuth), -SUN_M * s, SUN_M * c * math.sin(azimuth))
    warm = draws.uniform(0.0, 0.12)
    gain = sun * SUN_M
    stage.light = torch.tensor(
        [
            position,
            (gain * (1 + warm), gain, gain * (1 - warm)),
            (ambient * (1 - warm / 2), ambient, ambient * (1 + warm / 2)),
            (150.0, 180.0, 225.0),
        ]
    )
    stage.sun = (azimuth + math.pi, min(c / s, 2.5)) if sun > 0.15 else None
    stage.sky = stage.coat("sky", glow=1.0)
