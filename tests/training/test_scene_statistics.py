"""Baselines score on the rooms as on the scenes that the project's stereo figures come from.

The product's own second eye is left out on purpose: rooms are not tuned to it.
"""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
import torch

from stereocast.bench.stereo_truth import RenderedClips
from stereocast.bench.stereo_truth.artefacts import HIDDEN, error_levels, flicker
from stereocast.bench.stereo_truth.clips import Clip
from stereocast.bench.stereo_truth.methods import BASELINES, DILATED, SPLAT
from stereocast.bench.stereo_truth.scores import psnr

TUNING_CLIPS = RenderedClips(scenes=16, frames=2, width=1280, height=720, seed=100)
RUNS = {("perfect", SPLAT), ("realistic", SPLAT), ("realistic", DILATED)}
MEASURED_THERE = [
    ("perfect", SPLAT, "all", 31.35, 0.8),
    ("perfect", SPLAT, "visible", 38.58, 1.2),
    ("perfect", SPLAT, "occluded", 19.87, 0.8),
    ("perfect", SPLAT, "outside", 27.0, 3.0),
    ("perfect", SPLAT, "flicker", 2.46, 0.5),
    ("perfect", SPLAT, "flicker occluded", 17.1, 2.0),
    ("realistic", SPLAT, "all", 24.31, 1.2),
    ("realistic", DILATED, "all", 28.90, 1.2),
    ("realistic", DILATED, "visible", 30.53, 1.2),
    ("realistic", DILATED, "flicker occluded", 11.3, 1.5),
]
"""Depth, method, score (PSNR by region, or flicker), its value there, how far ours may lie off."""

Found = dict[tuple[str, str, str], list[float]]


@pytest.fixture(scope="module")
def one_thread():
    """Let no thread wait for another: operations are small here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def found(one_thread) -> Found:
    """Return the score of every room, by depth, method and name of the score."""
    scores = defaultdict(list)
    for clip in TUNING_CLIPS.clips():
        for depth, method in RUNS:
            if depth == clip.depth:
                for name, value in scores_of(clip, method).items():
                    scores[depth, method, name].append(value)
    return scores


def scores_of(clip: Clip, method: str) -> dict[str, float]:
    eye, by_frame, errors = BASELINES[method](), [], []
    for frame, given in zip(clip.frames, clip.given, strict=True):
        view, _ = eye(frame.left, given)
        seen = (1 - frame.occluded - frame.outside).clamp_min(0)
        regions = {"all": None, "visible": seen, "occluded": frame.occluded}
        regions["outside"] = frame.outside
        by_frame.append({name: psnr(view, frame.right, share) for name, share in regions.items()})
        errors.append(error_levels(view, frame.right))
    scores = {name: mean([frame[name] for frame in by_frame]) for name in by_frame[0]}
    hidden = torch.stack([frame.occluded > HIDDEN for frame in clip.frames]).any(dim=0)
    scores["flicker"] = flicker(errors[1], errors[0])
    scores["flicker occluded"] = flicker(errors[1], errors[0], hidden)
    return scores


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "method", "score", "there", "tolerance"), MEASURED_THERE)
def test_baselines_score_as_on_the_scenes_of_the_figures(
    found, depth, method, score, there, tolerance
):
    assert len(found[depth, method, score]) == TUNING_CLIPS.scenes
    assert mean(found[depth, method, score]) == pytest.approx(there, abs=tolerance)


@pytest.mark.slow
def test_widening_near_things_pays_by_as_much_as_there(found):
    plain, widened = (found["realistic", method, "all"] for method in (SPLAT, DILATED))
    gains = [after - before for before, after in zip(plain, widened, strict=True)]
    assert mean(gains) == pytest.approx(4.19, abs=0.93)
    assert min(gains) > 0
