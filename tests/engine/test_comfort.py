"""Comfort: budgets, the knee, the edges, convergence and the score."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from stereocast.engine.stereo import StereoConfig
from stereocast.engine.stereo.bars import Window
from stereocast.engine.stereo.comfort import (
    Budget,
    Display,
    edge_guard,
    governed_gain,
    soft_limit,
)
from stereocast.engine.stereo.convergence import AutoConvergence
from stereocast.engine.stereo.score import ComfortReading, Scorer

DISPLAY = Display(hfov_deg=60, distance_m=2, eyes_m=0.063)
BUDGET = Budget(front=0.015, behind=0.015, divergence=0.027, speed=0.015)
DT = torch.tensor([0.04])
HALF = torch.tensor(0.5)


def test_an_arc_minute_is_one_on_the_display():
    """From the eyes' angles to the point they meet at, by another road than the code's."""
    parallax_m = DISPLAY.front_share(60) * DISPLAY.width_m
    meeting_m = DISPLAY.eyes_m * DISPLAY.distance_m / (DISPLAY.eyes_m + parallax_m)
    angles = [2 * math.atan(DISPLAY.eyes_m / 2 / z) for z in (meeting_m, DISPLAY.distance_m)]
    assert math.degrees(angles[0] - angles[1]) * 60 == pytest.approx(60, rel=1e-6)
    parallax_m = DISPLAY.behind_share(30) * DISPLAY.width_m
    meeting_m = DISPLAY.eyes_m * DISPLAY.distance_m / (DISPLAY.eyes_m - parallax_m)
    angles = [2 * math.atan(DISPLAY.eyes_m / 2 / z) for z in (meeting_m, DISPLAY.distance_m)]
    assert math.degrees(angles[1] - angles[0]) * 60 == pytest.approx(30, rel=1e-6)


def test_infinity_is_the_farthest_that_eyes_can_look():
    assert DISPLAY.parallel * DISPLAY.width_m == pytest.approx(0.063)
    assert DISPLAY.behind_share(600) == pytest.approx(DISPLAY.parallel)


def test_the_stricter_of_percent_and_angle_counts():
    narrow = Budget.on(DISPLAY, percent=(1, 1), arcmin=(60, 60), speed_arcmin_s=60)
    assert (narrow.front, narrow.behind) == (0.01, 0.01)
    wide = Budget.on(DISPLAY, percent=(9, 9), arcmin=(60, 30), speed_arcmin_s=60)
    assert wide.front == DISPLAY.front_share(60)
    assert wide.behind == DISPLAY.behind_share(30)


@pytest.mark.parametrize("comfort", [0.0, 0.3, 0.5, 1.0])
def test_eyes_never_diverge_however_little_comfort_is_asked_for(comfort):
    _, behind = BUDGET.limits_px(torch.tensor(comfort), 1000)
    far = soft_limit(torch.tensor([-1e6]), torch.tensor([1.0, float(behind)]), knee=0.7)
    assert -far <= 27.0 * (1 + 1e-6)


def test_more_comfort_means_less_parallax():
    limits = [BUDGET.limits_px(torch.tensor(c), 1000)[0] for c in (0.0, 0.25, 0.5, 1.0)]
    assert limits[0] > 1000, "0 does not limit what comes out"
    assert limits[1:] == [pytest.approx(v) for v in (30, 15, 7.5)]


def test_the_knee_leaves_small_parallax_alone_and_is_never_passed():
    values = torch.linspace(-100, 100, 4001)
    limits = torch.tensor([20.0, 10.0])
    bent = soft_limit(values, limits, knee=0.7)
    small = (values <= 14) & (values >= -7)
    assert torch.equal(bent[small], values[small])
    assert (bent.diff() > 0).all(), "order stays"
    assert bent.max() < 20
    assert bent.min() > -10
    assert bent.diff().diff().abs().max() < 1e-3, "no kink"


def test_a_scene_within_its_budget_is_not_governed():
    limits = torch.tensor([20.0, 10.0])
    assert governed_gain(torch.tensor([20.0, 10.0]), limits) == 1
    assert governed_gain(torch.tensor([-5.0, -1.0]), limits) == 1
    assert governed_gain(torch.tensor([40.0, 2.0]), limits) == 0.5
    assert governed_gain(torch.tensor([2.0, 40.0]), limits) == 0.25


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_parallax_starts_from_zero_at_the_edge_and_is_exact_inside(side):
    disparity = torch.full((9, 100), 6.0) * side
    guarded = edge_guard(disparity, Window.whole(), frame_width=200, slope=0.75)
    assert guarded[0, 0] == guarded[0, -1] == 0
    way = 2.0 * torch.arange(100)
    assert (guarded.abs() <= 0.75 * torch.minimum(way, way.flip(0)) + 1e-5).all()
    assert torch.equal(guarded[:, 5:-5], disparity[:, 5:-5])


def test_what_is_shallow_at_the_edge_stays_exact_beside_what_is_not():
    disparity = torch.ones(9, 100)
    disparity[:4] = 9.0
    guarded = edge_guard(disparity, Window.whole(), frame_width=200, slope=0.75)
    assert torch.equal(guarded[4:, 1:-1], disparity[4:, 1:-1])
    assert guarded[0, 1] == 1.5


@pytest.mark.parametrize("slope", [0.0, 0.75])
def test_bars_lie_on_the_screen(slope):
    window = Window(torch.tensor([0.2, 0.1]))
    guarded = edge_guard(torch.full((20, 40), 3.0), window, frame_width=80, slope=slope)
    assert guarded[:4].abs().max() == guarded[-4:].abs().max() == 0
    assert guarded[:, :4].abs().max() == guarded[:, -4:].abs().max() == 0
    assert (guarded[4:-4, 10:-10] == 3).all()


def convergence(*depths: torch.Tensor) -> list[float]:
    stage, answers = AutoConvergence(), []
    state, ends = stage.init(), torch.tensor([0.0, 1.0])
    for depth in depths:
        state, screen = stage.step(state, depth, DT, ends=ends, window=Window.whole())
        answers.append(float(screen))
    return answers


def subject(nearness: float) -> torch.Tensor:
    depth = torch.full((60, 90), 0.1)
    depth[10:, 25:65] = nearness
    return depth


def test_the_screen_lies_on_the_subject_from_the_first_frame():
    assert convergence(subject(0.7)) == [pytest.approx(0.7)]


def test_the_screen_follows_the_subject_slowly_and_arrives():
    path = convergence(subject(0.2), *[subject(0.9)] * 100)
    steps = torch.tensor(path).diff()
    assert steps.min() >= 0
    assert steps.max() <= 0.5 * 0.04 + 1e-6
    assert path[-1] == pytest.approx(0.9, abs=0.02)


def test_what_flies_past_does_not_move_the_screen():
    passing = [subject(0.9 if index % 4 == 3 else 0.3) for index in range(40)]
    assert convergence(*passing) == [pytest.approx(0.3)] * 40


def score(*disparities: torch.Tensor, width: int = 1000) -> ComfortReading:
    scorer = Scorer(BUDGET, frame_width=width)
    state = scorer.init()
    for disparity in disparities:
        state, reading = scorer.step(state, disparity, DT)
    return ComfortReading.of(reading)


def spread(px: float, *, shift: float = 0.0) -> torch.Tensor:
    """Depth from top to bottom, ±px, nothing in front at the edges."""
    disparity = torch.linspace(-px, px, 36)[:, None].repeat(1, 64) + shift
    disparity[:, [0, -1]] = 0
    return disparity


def test_a_flat_picture_is_perfectly_comfortable():
    assert score(torch.zeros(36, 64)).score == 1


def test_depth_within_the_budget_scores_at_least_nine_tenths():
    reading = score(spread(15), spread(15))
    assert 0.9 <= reading.score < 1
    assert reading.front_percent == pytest.approx(1.5)
    assert reading.behind_percent == pytest.approx(-1.5)


def test_more_depth_is_less_comfortable():
    scores = [score(spread(px)).score for px in (0, 5, 10, 15, 20, 30, 60)]
    assert all(a > b for a, b in pairwise(scores))
    assert score(spread(30)).beyond == pytest.approx(0.5, abs=0.06)


def test_faster_changes_are_less_comfortable():
    pairs = [(spread(5), spread(5, shift=px)) for px in (0.0, 0.5, 1.0, 3.0)]
    scores = [score(*pair).score for pair in pairs]
    assert all(a > b for a, b in pairwise(scores))
    assert score(*pairs[2]).speed_percent_s == pytest.approx(0.1 / 0.04, rel=0.05)


def test_window_violations_are_less_comfortable():
    scores = []
    for rows in (0, 6, 12, 36):
        disparity = spread(2)
        disparity[:rows, 0] = 1.0
        scores.append(score(disparity).score)
    assert all(a > b for a, b in pairwise(scores))


def test_the_defaults_of_a_headset_allow_one_degree():
    config = StereoConfig()
    budget = Budget.on(config.display(), percent=(3, 3), arcmin=(60, 60), speed_arcmin_s=60)
    assert 0.015 < budget.front < 0.016
    assert 0.014 < budget.behind < 0.0152
    assert budget.divergence == pytest.approx(0.0273, abs=1e-4)
