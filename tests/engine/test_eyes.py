"""Both eyes in one step: what they equal, and what they leave alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stereocast.engine.stereo import SecondEye
from stereocast.engine.stereo.eyes import Eyes, EyesConfig
from stereocast.kernels.warp import warp_with_disparity
from stereocast.training.scenes import SceneClip

SIZE = (90, 160)


@pytest.fixture(scope="module")
def seen() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The left eye of a room, its disparity, the true right eye, and what only that one sees."""
    frame = SceneClip(7, height=SIZE[0], width=SIZE[1]).frame(3)
    return frame.left, frame.disparity.contiguous(), frame.right, frame.occluded


@pytest.mark.parametrize("level", [1, 2])
def test_both_eyes_equal_two_single_ones(level, seen):
    left, disparity, _, _ = seen
    eyes = Eyes(SIZE, EyesConfig(level))
    _, views, holes = eyes.step(eyes.init(), left, disparity, torch.tensor([0.4, -0.6]))
    for number, gain in enumerate((0.4, -0.6)):
        eye = Eyes(SIZE, EyesConfig(level), count=1)
        _, view, open_ = eye.step(eye.init(), left, disparity, torch.tensor([gain]))
        assert torch.equal(views[number], view[0])
        assert torch.equal(holes[number], open_[0])


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
    eye = Eyes(SIZE, EyesConfig(level), count=1)
    _, views, holes = eye.step(eye.init(), left, disparity, torch.tensor([-1.0]))
    warped, _ = warp_with_disparity(left, disparity)
    assert torch.equal(views[0][:, ~holes[0]], warped[:, ~holes[0]])


def test_filling_from_all_around_comes_closer_to_the_true_eye():
    gains = []
    for seed in (1, 2, 3):
        frame = SceneClip(seed, height=180, width=320).frame(0)
        quality = {}
        for level in (1, 2):
            eye = SecondEye((180, 320), EyesConfig(level))
            _, view, _ = eye.step(eye.init(), frame.left, frame.disparity.contiguous())
            error = (view.float() - frame.right.float()).square().mean(0)
            hidden = (error * frame.occluded).sum() / frame.occluded.sum()
            quality[level] = -10 * math.log10(float(hidden) / 255**2)
        gains.append(quality[2] - quality[1])
    assert sum(gains) / len(gains) > 0.5


def test_what_nobody_sees_rests_when_the_scene_does(seen):
    """A resting picture with trembling depth: what is made up behind things trembles less."""
    left, disparity, _, _ = seen
    tremble = {}
    for memory in (False, True):
        eye, generator = (
            SecondEye(SIZE, EyesConfig(memory=memory)),
            torch.Generator().manual_seed(3),
        )
        state, before, sums = eye.init(), None, []
        for _ in range(6):
            shaken = disparity + 0.4 * torch.randn(SIZE, generator=generator)
            state, view, holes = eye.step(state, left, shaken)
            if before is not None:
                both = holes & before[1]
                sums.append((view.float() - before[0]).abs().mean(0)[both].mean())
            before = view.float(), holes.clone()
        tremble[memory] = float(sum(sums))
    assert tremble[True] < 0.75 * tremble[False]


def test_an_eye_too_many_is_refused(seen):
    left, disparity, _, _ = seen
    eyes = Eyes(SIZE, count=1)
    with pytest.raises(ValueError, match=r"1 eyes .* got 2 gains"):
        eyes.step(eyes.init(), left, disparity, torch.tensor([0.5, -0.5]))


def test_a_frame_of_another_size_is_refused(seen):
    left, disparity, _, _ = seen
    eye = SecondEye((90, 128))
    with pytest.raises(ValueError, match=r"frames of \(90, 128\)"):
        eye.step(eye.init(), left, disparity)
