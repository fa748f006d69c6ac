"""Depth in metres: parallax by geometry, without anything to tune."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stereocast.engine.models import Output
from stereocast.engine.stereo import Controls, StereoConfig
from stereocast.engine.stereo.disparity import DisparityStage, StereoInput
from stereocast.engine.stereo.metric import NEAREST_M, focal_length_px, inverse_depth
from stereocast.kernels.raycast import disparity_px, gallery, raycast

WIDTH = 640
DT = torch.tensor([0.04])
OPEN = StereoConfig(hfov_deg=70, knee=0.95, edge_slope=0, display_hfov_deg=5)


def parallax(metres: Tensor, controls: Controls, config: StereoConfig = OPEN) -> Tensor:
    """Return the disparity of one picture; `OPEN` limits nothing: a small screen, far budgets."""
    stage = DisparityStage((360, WIDTH), config, depth_output=Output.METRIC_DEPTH)
    rgb = torch.full((3, 360, WIDTH), 90, dtype=torch.uint8)
    _, answer = stage.step(stage.init(), StereoInput(rgb, metres, controls.tensor(), DT))
    return answer.disparity_px


def test_a_rendered_scene_gets_its_exact_disparity():
    camera = gallery.camera_at(2.0, height=90, width=160)
    scene = gallery.scene_at(2.0, gallery.paint(16))
    _, metres, _ = raycast(scene, camera, height=90, width=160)
    exact = disparity_px(metres, camera, baseline_m=0.063, convergence_m=4.0) * WIDTH / 160
    controls = Controls(convergence=0.25, comfort=0)
    assert torch.allclose(parallax(metres, controls), exact, atol=1e-3)


def test_metres_matter():
    """Unlike relative depth: a model of a scene at half its size has other parallax."""
    metres = torch.linspace(2, 8, 40).expand(30, 40)
    controls = Controls(convergence=0, comfort=0)
    assert torch.allclose(parallax(metres / 2, controls), 2 * parallax(metres, controls), rtol=1e-5)


@pytest.mark.parametrize("strength", [1.25, 5.0])
def test_strength_scales_the_baseline(strength):
    metres = torch.linspace(2, 8, 40).expand(30, 40)
    true_scale = parallax(metres, Controls(strength=2.5, convergence=0.2, comfort=0))
    scaled = parallax(metres, Controls(strength=strength, convergence=0.2, comfort=0))
    assert torch.allclose(scaled, strength / 2.5 * true_scale, rtol=1e-5)


def test_one_near_thing_changes_nothing_else():
    metres = torch.full((30, 40), 5.0)
    controls = Controls(convergence=0.2, comfort=0)
    before = parallax(metres, controls)
    metres[10:20, 5:9] = 1.0
    after = parallax(metres, controls)
    assert torch.equal(after[:, 20:], before[:, 20:])


def test_the_screen_goes_where_most_of_the_picture_is():
    metres = torch.full((30, 40), 3.0)
    metres[:6] = 20.0
    disparity = parallax(metres, Controls(comfort=0))
    assert disparity[15, 20] == pytest.approx(0, abs=1e-3)
    focal_px = WIDTH / (2 * math.tan(math.radians(35)))
    assert disparity[0, 20] == pytest.approx(focal_px * 0.063 * (1 / 20 - 1 / 3), rel=1e-4)


def test_even_metres_keep_the_budget():
    metres = torch.full((30, 40), 4.0)
    metres[10:25, 10:30] = 0.3
    disparity = parallax(metres, Controls(convergence=0.25), StereoConfig())
    assert 0 < disparity.max() <= 0.016 * WIDTH


def test_a_wider_lens_has_less_parallax():
    assert focal_length_px(1000, 60) == pytest.approx(866.0254)
    assert focal_length_px(1000, 90) == pytest.approx(500.0)


def test_metres_become_inverse_depth_and_inverse_depth_stays():
    metres = torch.tensor([[0.5, 2.0, 10.0, float("inf")]])
    expected = torch.tensor([[2.0, 0.5, 0.1, 0.0]])
    assert torch.allclose(inverse_depth(metres, Output.METRIC_DEPTH), expected)
    assert inverse_depth(metres, Output.RELATIVE_INVERSE) is metres


def test_impossible_metres_stay_finite():
    odd = torch.tensor([[0.0, -3.0, 1e-9]])
    nearest = torch.full((1, 3), 1 / NEAREST_M)
    assert torch.equal(inverse_depth(odd, Output.METRIC_DEPTH), nearest)
