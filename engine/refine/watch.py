"""What shows only over seconds: drift away from the teacher, a bound that is hit too often.

Drift is answered by anchoring the history to the teacher again, over half a second; so is age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from stereocast.engine.refine.step import Refined

PATCHES = (8, 8)
WINDOW = 30
"""Frames whose median offset is a patch's drift."""
DRIFT = 0.03
"""Offset, log units, that counts as drift."""
ANCHOR_EVERY_S = 30.0
ANCHORING_S = 0.5
_DRIFT_S, _DRIFT_SHARE = 2.0, 0.25  # for how long, on which share of the static patches
_STILL_ERROR, _STILL_PX = 0.02, 0.05
_FADE_S = 0.25
_HITS_S = 1.0


class RefineReading(NamedTuple):
    """What is known of the refiner after a frame."""

    gain: float
    """Mean share of the teacher in the answer, before a network's correction."""
    clamped: float
    """Share of pixels that hit the bound, over the last second; above 0.15 it is too tight."""
    drifting: float
    """Share of the static patches that have drifted for 2 s."""
    anchored: float
    """1 in the frame in which anchoring to the teacher begins, because of drift; else 0."""
    restarted: float
    """1 where the history was given up though the scene detector saw no cut; else 0."""

    @classmethod
    def of(cls, reading: Tensor) -> RefineReading:
        """Read float32 [5]."""
        return cls(*reading.tolist())


@dataclass(frozen=True)
class WatchState:
    """What the last seconds were.

    offsets   float32 [30, 64], mean of answer − teacher in each patch
    frames    int64 [1], since the reset
    drift_s   float32 [64], for how long a patch has drifted
    since_s   float32 [1], since anchoring began
    clamped   float32 [1], see `RefineReading`
    reading   float32 [5], of the last frame, as `RefineReading`
    """

    offsets: Tensor
    frames: Tensor
    drift_s: Tensor
    since_s: Tensor
    clamped: Tensor
    reading: Tensor


def init() -> WatchState:
    """Return the state before the first frame."""
    cells = PATCHES[0] * PATCHES[1]
    return WatchState(
        offsets=torch.zeros(WINDOW, cells),
        frames=torch.zeros(1, dtype=torch.int64),
        drift_s=torch.zeros(cells),
        since_s=torch.full((1,), ANCHORING_S),
        clamped=torch.zeros(1),
        reading=torch.zeros(5),
    )


def calm(state: WatchState) -> Tensor:
    """Return, float32 [1], 1 where the history may be trusted, less while it is anchored again."""
    anchoring = torch.exp(-state.since_s / _FADE_S)
    return torch.where(state.since_s < ANCHORING_S, 1 - anchoring, 1.0)


def step(
    state: WatchState, refined: Refined, *, teacher: Tensor, flow: Tensor, dt: Tensor
) -> WatchState:
    """Watch one frame of one stream.

    teacher  float32 [1, h, w], its log depth as it came
    flow     float32 [1, 2, h', w']
    dt       float32 [1], seconds
    """
    offset = adaptive_avg_pool2d(refined.answer - teacher, PATCHES).flatten()
    offsets = state.offsets.index_copy(0, state.frames % WINDOW, offset[None])
    drifted = (offsets.median(0).values.abs() > DRIFT) & (state.frames >= WINDOW)
    drift_s = torch.where(drifted, state.drift_s + dt, 0.0)
    error = adaptive_avg_pool2d(refined.error, PATCHES).flatten()
    motion = adaptive_avg_pool2d(flow.abs().sum(1), PATCHES).flatten()
    still = (error < _STILL_ERROR) & (motion < _STILL_PX)
    drifting = ((drift_s > _DRIFT_S) & still).sum() / still.sum().clamp_min(1)
    alert = (drifting > _DRIFT_SHARE).reshape(1)
    since_s = state.since_s + dt
    anchor = alert | (since_s > ANCHOR_EVERY_S)
    share = 1 - torch.exp(-dt / _HITS_S)
    clamped = torch.lerp(state.clamped, refined.hits.float().mean().reshape(1), share)
    restarted = refined.reset & (state.frames > 0)
    reading = torch.cat(
        (
            refined.gain.mean().reshape(1), clamped, drifting.reshape(1),
            alert.float(), restarted.float(),
        )
    )  # fmt: skip
    return WatchState(
        offsets, state.frames + 1, torch.where(anchor, 0.0, drift_s),
        torch.where(anchor, 0.0, since_s), clamped, reading,
    )  # fmt: skip
