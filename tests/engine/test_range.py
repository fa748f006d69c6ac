"""The depth range: deaf to what comes and goes, quick to follow what lasts."""

from __future__ import annotations

import pytest
import torch

from stereocast.bench import pumping
from stereocast.engine.stereo.range import RangeTracker, nearness

DT = torch.tensor([1 / 30])


def ramp(height: int = 28, width: int = 40) -> torch.Tensor:
    return torch.linspace(0, 1, height)[:, None].expand(height, width).contiguous()


@pytest.mark.parametrize("flake", pumping.FLAKES)
def test_a_flake_in_every_fourth_frame_moves_nothing_else(flake):
    ours = pumping.breathe(pumping.NORMALISERS["stereocast"](), flake)
    most = 0.002 if flake < 0.01 else 0.01
    assert ours.wobble <= most
    assert ours.deviation <= most
    assert ours.wobble < pumping.breathe(pumping.NORMALISERS[EXTREMES](), flake).wobble


EXTREMES = "minimum and maximum, EMA 0.75"


@pytest.mark.parametrize("period", [2, 3])
def test_a_flake_in_every_second_or_third_frame_is_no_catastrophe(period):
    ours = pumping.breathe(pumping.NORMALISERS["stereocast"](), 0.1, period=period)
    assert ours.wobble < 0.01
    assert ours.deviation < 0.01


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("rate_hz", pumping.RATES_HZ)
def test_a_lasting_change_is_followed_within_a_second_without_overshoot(factor, rate_hz):
    answer = pumping.response(factor, rate_hz)
    assert answer.seconds <= 1.0
    assert answer.overshoot <= 1e-6


def test_a_change_begins_gently():
    tracker = RangeTracker()
    state = tracker.init()
    for _ in range(60):
        state, before = tracker.step(state, ramp(), DT)
    path = [before]
    for _ in range(30):
        state, ends = tracker.step(state, 2 * ramp(), DT)
        path.append(ends)
    steps = torch.stack(path)[:, 1].diff() / before[1]
    assert steps.max() < 0.1, "twice the range in 30 frames: at most 3 times the even pace"
    assert steps[: steps.argmax() + 1].diff().min() >= 0


@pytest.mark.parametrize("offset", [0.0, -500.0, 40.0])
def test_the_first_frame_is_normalised_at_once_whatever_its_scale(offset):
    tracker = RangeTracker()
    depth = offset + 300 * ramp()
    _, ends = tracker.step(tracker.init(), depth, DT)
    assert nearness(depth, ends).min() == pytest.approx(0, abs=0.05)
    assert nearness(depth, ends).max() == pytest.approx(1, abs=0.05)


def test_an_unlucky_first_frame_is_put_right_within_a_third_of_a_second():
    tracker = RangeTracker()
    unlucky = ramp()
    unlucky[:, :8] = 5.0
    state, first = tracker.step(tracker.init(), unlucky, DT)
    for _ in range(10):
        state, ends = tracker.step(state, ramp(), DT)
    assert first[1] == 5.0
    assert ends[1] == pytest.approx(1, abs=0.1)


def test_flat_depth_stays_flat_instead_of_becoming_noise():
    tracker = RangeTracker()
    noise = 1 + 1e-4 * torch.rand(14, 20, generator=torch.Generator().manual_seed(0))
    _, ends = tracker.step(tracker.init(), noise, DT)
    assert nearness(noise, ends).max() - nearness(noise, ends).min() < 0.02
    black = torch.zeros(14, 20)
    _, ends = tracker.step(tracker.init(), black, DT)
    assert nearness(black, ends).isfinite().all()
