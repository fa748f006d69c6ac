"""What the refiner notices over seconds, and what it does about it."""

from __future__ import annotations

from dataclasses import replace

import torch

from stereocast.engine.refine import watch
from stereocast.engine.refine.step import Refined

SIZE = (1, 32, 48)
DT = torch.tensor([1 / 30])
STILL = torch.zeros(1, 2, 16, 24)


def refined(offset: float = 0.0, hits: bool = False) -> Refined:
    zero, no = torch.zeros(SIZE), torch.zeros(SIZE, dtype=torch.bool)
    return Refined(
        answer=zero + offset, aligned=zero, confidence=zero, gain=zero, change=zero,
        hits=no | hits, error=zero, reset=torch.zeros(1, dtype=torch.bool),
    )  # fmt: skip


def watched(count: int, frame: Refined, state: watch.WatchState, flow=STILL):
    readings = []
    for _ in range(count):
        state = watch.step(state, frame, teacher=torch.zeros(SIZE), flow=flow, dt=DT)
        readings.append(watch.RefineReading.of(state.reading))
    return state, readings


def test_drift_that_lasts_two_seconds_anchors_once_and_calms_down_again() -> None:
    state, readings = watched(120, refined(offset=0.05), watch.init())
    begun = [index for index, reading in enumerate(readings) if reading.anchored]
    assert begun and 85 <= begun[0] <= 95  # one window of frames, then two seconds
    state, _ = watched(begun[0] + 1, refined(offset=0.05), watch.init())
    assert watch.calm(state) == 0
    state, _ = watched(16, refined(), state)
    assert watch.calm(state) == 1


def test_a_small_offset_is_no_drift() -> None:
    _, readings = watched(120, refined(offset=0.02), watch.init())
    assert not any(reading.anchored or reading.drifting for reading in readings)


def test_what_moves_cannot_drift() -> None:
    _, readings = watched(120, refined(offset=0.05), watch.init(), flow=STILL + 1)
    assert not any(reading.anchored for reading in readings)


def test_a_history_is_anchored_every_30_seconds() -> None:
    state = replace(watch.init(), since_s=torch.tensor([29.99]))
    state, readings = watched(1, refined(), state)
    assert watch.calm(state) == 0
    assert not readings[0].anchored  # age is no alarm


def test_the_clamped_share_is_that_of_the_last_second() -> None:
    state, readings = watched(60, refined(hits=True), watch.init())
    assert readings[0].clamped < 0.1 and readings[-1].clamped > 0.8
    _, readings = watched(90, refined(), state)
    assert readings[-1].clamped < 0.1
