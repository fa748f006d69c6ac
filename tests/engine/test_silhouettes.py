"""The silhouette stage: one for maps of any size, steady over time, and worth its place."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from stereocast.engine.stage import prime
from stereocast.engine.stereo.eyes import Eyes, EyesConfig
from stereocast.engine.stereo.silhouettes import Silhouettes
from stereocast.kernels.raycast import gallery
from stereocast.training.scenes import RealisticDepth

SIZE = (270, 480)


@pytest.fixture(scope="module")
def views() -> tuple[Tensor, Tensor, Tensor]:
    """Left picture, right picture, and the exact disparity of the built-in scene."""
    sheets = gallery.paint(256)
    eye = gallery.camera_at(6.1, height=SIZE[0], width=SIZE[1])
    scene = gallery.scene_at(6.1, sheets)
    return gallery.stereo_pair(scene, eye, height=SIZE[0], width=SIZE[1])


def sharpened(left: Tensor, given: Tensor) -> Tensor:
    stage = Silhouettes(SIZE)
    return stage.step(stage.init(), left, given)[1]


def psnr_of_eye(left: Tensor, right: Tensor, given: Tensor) -> float:
    eye = Eyes(SIZE, EyesConfig(memory=False), count=1)
    _, views, _ = eye.step(eye.init(), left, given.contiguous(), torch.tensor([-1.0]))
    error = (views[0].float() - right.float()).square().mean()
    return 10 * math.log10(255**2 / float(error))


def dilated(given: Tensor, width: int) -> Tensor:
    return max_pool2d(given[None], width, 1, width // 2)[0]


def test_exact_disparity_passes_unchanged(views):
    left, _, exact = views
    assert torch.equal(sharpened(left, exact), exact)


def test_realistic_depth_makes_a_better_eye_than_dilated_depth(views):
    left, right, exact = views
    given = RealisticDepth(3, blur_px_at_720p=6.0).disparity(exact, 0).contiguous()
    ours = psnr_of_eye(left, right, sharpened(left, given))
    others = [psnr_of_eye(left, right, dilated(given, width)) for width in (1, 3, 5, 7)]
    assert ours > max(others) + 0.5


def test_a_network_grid_makes_a_better_eye_than_plain_upsampling(views):
    left, right, exact = views
    soft = RealisticDepth(3).disparity(exact, 0)[None, None]
    grid = interpolate(soft, (140, 252), mode="area")[0, 0].contiguous()
    plain = interpolate(grid[None, None], SIZE, mode="bilinear", align_corners=False)[0, 0]
    ours = psnr_of_eye(left, right, sharpened(left, grid))
    others = [psnr_of_eye(left, right, dilated(plain, width)) for width in (1, 3, 5, 7)]
    assert ours > max(others) + 0.4


def test_softness_follows_a_stream_slowly(views):
    left, _, exact = views
    stage = Silhouettes(SIZE)
    sharp, soft = (
        RealisticDepth(3, blur_px_at_720p=blur, noise=0).disparity(exact, 0).contiguous()
        for blur in (4.0, 8.0)
    )
    first, _ = stage.step(stage.init(), left, sharp)
    alone, _ = stage.step(stage.init(), left, soft)
    second, _ = stage.step(first, left, soft)
    expected = first.softness + 0.2 * (alone.softness - first.softness)
    assert first.softness < second.softness < alone.softness
    assert torch.allclose(second.softness, expected)


def test_frames_without_silhouettes_change_nothing_that_is_known(views):
    left, _, exact = views
    stage = Silhouettes(SIZE)
    known, _ = stage.step(stage.init(), left, RealisticDepth(3).disparity(exact, 0).contiguous())
    after, flat = stage.step(known, left, torch.zeros(70, 126))
    assert torch.equal(known.softness, after.softness)
    assert not flat.any()


def test_a_reset_equals_a_fresh_stage(views):
    left, _, exact = views
    stage = Silhouettes(SIZE)
    given = RealisticDepth(3, blur_px_at_720p=8.0).disparity(exact, 0).contiguous()
    used, _ = stage.step(stage.init(), left, given)
    again, _ = stage.step(prime(used, stage.init()), left, exact)
    fresh, _ = stage.step(stage.init(), left, exact)
    assert torch.equal(again.softness, fresh.softness)


def test_frames_of_another_size_are_refused(views):
    stage = Silhouettes((90, 160))
    with pytest.raises(ValueError, match=r"frames of \(90, 160\)"):
        stage.step(stage.init(), views[0], views[2])
