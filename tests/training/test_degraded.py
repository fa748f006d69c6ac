"""Realistic depth: soft edges, slow noise and flicker, each as large as it says."""

from __future__ import annotations

import pytest
import torch

from stereocast.engine.errors import ConfigError
from stereocast.training.scenes import PerfectDepth, RealisticDepth

OFF = {"blur_px_at_720p": 0.0, "noise": 0.0, "scale_flicker": 0.0, "shift_flicker": 0.0}
MAP = torch.linspace(-11, 5, 97 * 150).reshape(97, 150)


def only(**setting: float) -> RealisticDepth:
    return RealisticDepth(7, **{**OFF, **setting})


def test_perfect_depth_is_the_exact_disparity():
    assert torch.equal(PerfectDepth().disparity(MAP, 3), MAP)


def test_everything_switched_off_is_the_exact_disparity():
    torch.testing.assert_close(only().disparity(MAP, 3), MAP, rtol=0, atol=0)


def test_a_frame_follows_from_seed_and_index_alone():
    depth = RealisticDepth(5)
    first = depth.disparity(MAP, 2)
    depth.disparity(MAP, 3)
    assert torch.equal(RealisticDepth(5).disparity(MAP, 2), first)
    assert not torch.equal(depth.disparity(MAP, 3), first)
    assert not torch.equal(RealisticDepth(6).disparity(MAP, 2), first)


def test_degrading_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    RealisticDepth(5).disparity(MAP, 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("height", [180, 360])
def test_an_edge_becomes_a_gaussian_step_whose_sigma_follows_the_height(height):
    step = (torch.arange(101) >= 50).float().expand(height, 101).contiguous()
    soft = only(blur_px_at_720p=12.0).disparity(step, 0)
    sigma_px = 12.0 * height / 720
    distance_px = torch.arange(101) - 49.5
    expected = 0.5 * (1 + torch.erf(distance_px / (sigma_px * 2**0.5)))
    torch.testing.assert_close(soft[height // 2], expected, rtol=0, atol=6e-3)


def test_noise_has_one_percent_of_the_range_and_is_slow():
    error = only(noise=0.01).disparity(MAP, 0) - MAP
    assert abs(float(error.std()) / 16 - 0.01) < 1e-4 and abs(float(error.mean())) < 1e-3
    neighbours = torch.stack([error[:, 1:].reshape(-1), error[:, :-1].reshape(-1)])
    assert float(torch.corrcoef(neighbours)[0, 1]) > 0.97


def test_flicker_of_scale_and_shift_has_the_deviation_it_says():
    ones = torch.tensor([[0.0, 10.0]])
    scaled = torch.stack([only(scale_flicker=0.02).disparity(ones, i)[0] for i in range(400)])
    assert torch.equal(scaled[:, 0], torch.zeros(400))
    gains = scaled[:, 1] / 10
    assert abs(float(gains.std()) - 0.02) < 0.003 and abs(float(gains.mean()) - 1) < 0.003
    shifted = torch.stack([only(shift_flicker=0.005).disparity(ones, i)[0] for i in range(400)])
    assert abs(float(shifted[:, 0].std()) - 0.05) < 0.0075
    torch.testing.assert_close(shifted[:, 1] - shifted[:, 0], torch.full((400,), 10.0))


def test_a_negative_setting_is_refused():
    with pytest.raises(ConfigError, match="no setting may be negative"):
        RealisticDepth(0, noise=-0.1)
