"""The depth bench's baselines are tuned, and on other worlds than those that are scored."""

from __future__ import annotations

import json
from itertools import combinations, pairwise

import pytest
import torch

from stereocast.bench.depth_quality.clips import HeldOut, ScoredClip
from stereocast.bench.depth_quality.methods import TUNED, Options, baselines, smoothing
from stereocast.bench.depth_quality.tuning import (
    BILATERAL_GRID,
    EMA_GRID,
    chosen,
    steps,
    tune,
)
from stereocast.training.refine_clips import ClipShape
from stereocast.training.refine_settings import RefinerSettings
from stereocast.training.scenes.seeds import (
    DRIFT_SEEDS,
    SCORE_SEEDS,
    TRAINING_SEEDS,
    VALIDATION_SEEDS,
)

SHAPE = ClipShape(8, 32, 48)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> ScoredClip:
    folder = tmp_path_factory.mktemp("training")
    return HeldOut(folder, SHAPE, 1, RefinerSettings().first_clip).load(lambda: None)[0]


def test_what_is_scored_was_seen_neither_by_training_nor_by_tuning() -> None:
    kept = (TRAINING_SEEDS, VALIDATION_SEEDS, SCORE_SEEDS, DRIFT_SEEDS)
    for one, other in combinations(kept, 2):
        assert one.stop <= other.start or other.stop <= one.start
    held_out = HeldOut(TUNED.parent, SHAPE)
    assert range(held_out.first, held_out.first + held_out.count)[-1] in SCORE_SEEDS
    settings = RefinerSettings()
    assert settings.first_clip + settings.clips - 1 in TRAINING_SEEDS


def test_the_baselines_come_from_worlds_of_the_training() -> None:
    tuned = json.loads(TUNED.read_text(encoding="utf-8"))
    settings = RefinerSettings()
    may_see = range(settings.first_clip, settings.first_clip + settings.clips)
    assert tuned["first_seed"] in may_see
    assert tuned["first_seed"] + tuned["worlds"] - 1 in may_see
    assert {tuple(each) for each in tuned["ema"]} <= {*EMA_GRID}
    assert {tuple(each) for each in tuned["bilateral"]} <= {*BILATERAL_GRID}
    assert len([name for name in baselines() if name.startswith(("EMA", "bilateral"))]) == len(
        tuned["ema"] + tuned["bilateral"]
    )


def test_the_steadiest_setting_that_keeps_the_truth_is_chosen() -> None:
    rows = {
        (0.1,): {"AbsRel": 0.9, "TAE": 3.0},
        (0.2,): {"AbsRel": 1.05, "TAE": 2.0},
        (0.3,): {"AbsRel": 1.25, "TAE": 2.5},
        (0.4,): {"AbsRel": 2.0, "TAE": 1.0},
    }
    assert chosen(rows, 1.0) == [(0.1,), (0.2,)]
    assert chosen({(0.4,): rows[0.4,]}, 1.0) == [(0.4,)]


def test_tuning_says_how_far_it_is_and_chooses_from_the_grids(clip) -> None:
    told: list[None] = []
    settings = tune([clip], lambda: told.append(None))
    assert len(told) == steps()
    assert {*settings["ema"]} <= {*EMA_GRID}
    assert {*settings["bilateral"]} <= {*BILATERAL_GRID}


def test_a_larger_share_of_the_history_is_steadier(clip) -> None:
    answers = [
        method(clip.clip, clip.teacher, Options()).log_depth
        for method in smoothing([(0.2,), (0.6,), (0.95,)]).values()
    ]
    changes = [float(answer.diff(dim=0).abs().mean()) for answer in answers]
    assert all(after < before for before, after in pairwise(changes))
    assert all(torch.equal(answer[0], clip.teacher.log_depth[0]) for answer in answers)
