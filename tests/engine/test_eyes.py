"""Both eyes in one step: what they equal, and what they leave alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stereocast.engine.stereo.second_eye import Eyes, SecondEye
from stereocast.kernels.warp import warp_with_disparity
from stereocast.training.scenes import SceneClip

SIZE = (90, 160)


@pytest.fixture(scope="module")
def seen() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The left eye of a room, its disparity, the true right eye, and what only that one sees."""
    frame = SceneClip(7, height=SIZE[0], width=SIZE[1]).frame(3)
    return frame.left, frame.disparity.contiguous(), frame.right, frame.occluded


@pytest.mark.parametrize("level", [1, 2])
def test_both_eyes_equal_two_second_eyes(level, seen):
    left, disparity, _, _ = seen
    eyes, eye = Eyes(SIZE, fill_level=level), SecondEye(SIZE, fill_level=level)
    _, views, holes = eyes.step(eyes.init(), left, disparity, torch.tensor([0.4, -0.6]))
    for number, gain in enumerate((0.4, -0.6)):
        _, view, open_ = eye.step(eye.init(), left, disparity, gain=gain)
        assert torch.equal(views[number], view)
        assert torch.equal(holes[number], open_)


def test_full_balance_keeps_one_original_eye(seen):
    left, disparity, _, _ = seen
    eyes = Eyes(SIZE)
    _, views, holes = eyes.step(eyes.init(), left, disparity, torch.tensor([0.0, -1.0]))
    assert torch.equal(views[0], left)
    assert not holes[0].any()
    assert holes[1].any()


@pytest.mark.parametrize("level", [1, 2])
def test_what_was_warped_stays_untouched_outside_the_holes(level, seen):
    left, disparity, _, _ = seen
    eye = SecondEye(SIZE, fill_level=level)
    _, view, holes = eye.step(eye.init(), left, disparity)
    warped, _ = warp_with_disparity(left, disparity)
    assert torch.equal(view[:, ~holes], warped[:, ~holes])


def test_filling_from_all_around_comes_closer_to_the_true_eye():
    gains = []
    for seed in (1, 2, 3):
        frame = SceneClip(seed, height=180, width=320).frame(0)
        quality = {}
        for level in (1, 2):
            eye = SecondEye((180, 320), fill_level=level)
            _, view, _ = eye.step(eye.init(), frame.left, frame.disparity.contiguous())
            error = (view.float() - frame.right.float()).square().mean(0)
            hidden = (error * frame.occluded).sum() / frame.occluded.sum()
            quality[level] = -10 * math.log10(float(hidden) / 255**2)
        gains.append(quality[2] - quality[1])
    assert sum(gains) / len(gains) > 0.5


def test_a_frame_of_another_size_is_refused(seen):
    left, disparity, _, _ = seen
    eye = SecondEye((90, 128))
    with pytest.raises(ValueError, match=r"frames of \(90, 128\)"):
        eye.step(eye.init(), left, disparity)
