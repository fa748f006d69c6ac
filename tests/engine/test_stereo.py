"""Disparity, controls and comfort: signs, ranges and what must not pump."""

from __future__ import annotations

import pytest
import torch

from stereocast.bench import pumping
from stereocast.engine.errors import ConfigError
from stereocast.engine.stereo import Controls, SecondEye, StereoConfig, StereoStage
from stereocast.engine.stereo.comfort import border_ramp, soft_limit
from stereocast.engine.stereo.controls import slew
from stereocast.engine.stereo.disparity import RangeTracker
from stereocast.engine.stereo.stage import StereoInput

DT = torch.tensor([0.04])


def ramp(height: int = 14, width: int = 20) -> torch.Tensor:
    return torch.linspace(0, 1, height)[:, None].expand(height, width).contiguous()


def test_the_first_frame_is_normalised_at_once_whatever_its_scale():
    tracker = RangeTracker()
    _, nearness = tracker.step(tracker.init(), 40 + 300 * ramp(), DT)
    assert nearness.min() == pytest.approx(0, abs=0.1)
    assert nearness.max() == pytest.approx(1, abs=0.1)


def test_a_changed_scale_is_followed_slowly_and_reached():
    tracker = RangeTracker(rate_per_s=0.5)
    state = tracker.init()
    for _ in range(60):  # past the settling time
        state, nearness = tracker.step(state, ramp(), DT)
    widths = []
    for _ in range(120):
        state, nearness = tracker.step(state, 2 * ramp(), DT)
        widths.append(float(nearness.max() - nearness.min()))
    steps = torch.tensor(widths).diff().abs()
    assert steps.max() < 0.06, "no frame jumps"
    assert widths[-1] == pytest.approx(1, abs=0.15)


def test_flat_depth_stays_flat_instead_of_becoming_noise():
    tracker = RangeTracker()
    noise = 1 + 1e-4 * torch.rand(14, 20, generator=torch.Generator().manual_seed(0))
    _, nearness = tracker.step(tracker.init(), noise, DT)
    assert nearness.max() - nearness.min() < 0.02
    assert nearness.isfinite().all()
    _, nearness = tracker.step(tracker.init(), torch.zeros(14, 20), DT)
    assert nearness.isfinite().all()


@pytest.mark.parametrize("flake", pumping.FLAKES)
def test_a_near_flake_that_comes_and_goes_does_not_pump(flake):
    ours = pumping.wobble(pumping.NORMALISERS["stereocast"](), flake)
    assert ours < 0.002
    assert ours < pumping.wobble(pumping.NORMALISERS["minimum and maximum, EMA 0.75"](), flake)


def test_nearer_than_convergence_is_in_front_of_the_screen():
    stage = StereoStage((70, 100))
    controls = Controls(strength=5, convergence=0.5, comfort=0).tensor()
    disparity = stage.disparity_px(ramp(), controls)
    middle = disparity[:, 50]
    assert middle[-1] == pytest.approx(2.5, rel=0.05), "5 % of 100 px, half of it in front"
    assert middle[0] == pytest.approx(-2.5, rel=0.05)
    assert (middle.diff() >= 0).all()


def test_strength_zero_leaves_both_eyes_as_the_picture():
    stage = StereoStage((35, 60))
    rgb = torch.randint(0, 256, (3, 35, 60), dtype=torch.uint8)
    x = StereoInput(rgb, ramp(), Controls(strength=0).tensor(), DT)
    _, (left, right) = stage.step(stage.init(), x)
    assert torch.equal(left, rgb)
    assert torch.equal(right, rgb)


@pytest.mark.parametrize(("balance", "untouched"), [(1.0, 0), (0.0, 1)])
def test_balance_leaves_the_source_eye_untouched(balance, untouched):
    stage = StereoStage((35, 60))
    rgb = torch.randint(0, 256, (3, 35, 60), dtype=torch.uint8)
    x = StereoInput(rgb, ramp(), Controls(strength=8, balance=balance).tensor(), DT)
    _, eyes = stage.step(stage.init(), x)
    assert torch.equal(eyes[untouched], rgb)
    assert not torch.equal(eyes[1 - untouched], rgb)


def test_a_near_object_lies_further_right_in_the_left_eye():
    stage = StereoStage((35, 120))
    rgb = torch.zeros(3, 35, 120, dtype=torch.uint8)
    rgb[:, 20:, 55:65] = 255
    x = StereoInput(rgb, ramp(), Controls(strength=10, convergence=0, comfort=0).tensor(), DT)
    _, (left, right) = stage.step(stage.init(), x)
    centre = [
        float((eye[0, -1].float() * torch.arange(120)).sum() / eye[0, -1].sum())
        for eye in (left, right)
    ]
    assert centre[0] - centre[1] == pytest.approx(12, abs=1), "d = xL − xR = 10 % of 120 px"


def test_the_frame_edge_has_no_parallax():
    weights = border_ramp(50, torch.tensor(5.0), 100)
    assert weights[0] < 0.3
    assert weights[-1] < 0.3
    assert (weights[4:-4] == 1).all()


def test_the_soft_limit_keeps_order_and_is_never_passed():
    values = torch.linspace(-100, 100, 201)
    limited = soft_limit(values, torch.tensor(20.0))
    assert (limited.diff() >= 0).all()
    assert limited.abs().max() <= 20
    assert limited[100:103] == pytest.approx(values[100:103], rel=0.01)


def test_controls_move_no_faster_than_their_rate():
    current, wanted = Controls(strength=0).tensor(), Controls(strength=10).tensor()
    once = slew(current, wanted, DT)
    assert once[0] == pytest.approx(0.16)
    for _ in range(100):
        current = slew(current, wanted, DT)
    assert torch.equal(current, wanted)


def test_wishes_of_a_viewer_are_brought_into_range():
    wished = Controls().adjusted({"strength": 1e9, "balance": -3, "comfort": None, "zoom": 2})
    assert wished == Controls(strength=10, balance=0)


def test_impossible_settings_name_the_key_and_the_range():
    with pytest.raises(ConfigError, match=r"stereo\.convergence must be in \[0, 1\], got 2"):
        StereoConfig(convergence=2.0)
    with pytest.raises(ConfigError, match="range_rate_per_s"):
        StereoConfig(range_rate_per_s=0)


def test_the_second_eye_reports_its_holes_and_fills_them():
    image = torch.full((3, 9, 64), 50, dtype=torch.uint8)
    disparity = torch.zeros(9, 64)
    disparity[:, 20:40] = 6
    eye = SecondEye((9, 64))
    _, view, holes = eye.step(eye.init(), image, disparity)
    assert holes.sum() == 9 * 6
    assert (view == 50).all()
