"""Where errors lie: at contours or elsewhere, and what a refiner's bound leaves of them."""

from __future__ import annotations

import math

import pytest
import torch

from stereocast.bench.depth_quality.clips import HeldOut, ScoredClip
from stereocast.bench.depth_quality.contours import at_contours, bounded, exact_motion, split
from stereocast.bench.depth_quality.methods import Answer, Options, raw
from stereocast.training.refine_clips import ClipShape
from stereocast.training.scenes.seeds import VALIDATION_SEEDS


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> ScoredClip:
    folder = tmp_path_factory.mktemp("validation")
    worlds = HeldOut(folder, ClipShape(8, 32, 48), 1, VALIDATION_SEEDS.start)
    return worlds.load(lambda: None)[0]


def test_a_step_of_depth_is_a_contour_and_a_slope_is_none() -> None:
    wall = torch.linspace(0, 0.4, 12).expand(1, 9, 12).clone()
    assert not at_contours(wall).any()
    wall[..., 6:] += 0.5
    assert at_contours(wall)[0, 4].nonzero().flatten().tolist() == [3, 4, 5, 6, 7, 8]


def test_the_parts_of_an_error_are_the_whole(clip) -> None:
    answer = raw(clip.clip, clip.teacher, Options())
    parts = split(clip, answer)
    whole = (answer.log_depth - clip.clip.log_depth).expm1().abs()[4:].mean()
    together = parts["AbsRel, at contours"] + parts["AbsRel, elsewhere"]
    assert together == pytest.approx(float(whole), rel=1e-4)


def test_errors_beyond_the_bound_are_all_that_is_left_of_the_truth(clip) -> None:
    small = clip.teacher.log_depth - clip.clip.log_depth
    answer = bounded(clip.clip, clip.teacher, Options())
    left = (answer.log_depth - clip.clip.log_depth).abs()
    assert (left[small.abs() < 0.03] < 1e-6).all()
    assert (
        split(clip, answer)["AbsRel, elsewhere"]
        < split(clip, Answer(clip.teacher.log_depth))["AbsRel, elsewhere"]
    )
    assert math.isfinite(split(clip, answer)["AbsRel, at contours"])


def test_along_exact_motion_the_filter_is_steadier_than_its_teacher(clip) -> None:
    followed = exact_motion(clip.clip, clip.teacher, Options())
    plain = raw(clip.clip, clip.teacher, Options())
    assert split(clip, followed)["TAE, elsewhere"] < 0.9 * split(clip, plain)["TAE, elsewhere"]
