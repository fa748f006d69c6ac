"""The depth bench: its measures say what they claim, and its gates can fail."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from stereocast.bench.depth_quality.clips import HeldOut, ScoredClip, occlusion_band
from stereocast.bench.depth_quality.gates import Gate, Scores, best, gates
from stereocast.bench.depth_quality.measures import by_confidence, measure
from stereocast.bench.depth_quality.methods import RAW, STRONG, Answer, Options, baselines
from stereocast.bench.depth_quality.score import means, score
from stereocast.bench.depth_quality.strips import depth_strips, time_slices
from stereocast.bench.depth_quality.tables import gate_table, score_table
from stereocast.training.refine_clips import ClipShape
from stereocast.training.scenes.poses import carried_depth

SHAPE = ClipShape(10, 32, 48)
SEED = 950_001


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> ScoredClip:
    return HeldOut(tmp_path_factory.mktemp("held-out"), SHAPE, 1, SEED).load(lambda: None)[0]


def exact(clip: ScoredClip) -> Answer:
    return Answer(clip.clip.log_depth)


def test_exact_depth_is_without_any_fault(clip) -> None:
    values = measure(clip, exact(clip))
    for name in ("AbsRel", "RMSE log", "TGM", "AbsRel band"):
        assert values[name] == 0 or math.isnan(values[name])
    assert values["d1.05"] == 1
    assert values["TAE"] < 1  # bilinear sampling, no more


def test_exact_depth_lies_where_exact_poses_carry_it(clip) -> None:
    expected, there = carried_depth(clip.clip, clip.clip.log_depth, 5, 4)
    seen = clip.pairs[5, 4]
    assert seen.float().mean() > 0.4
    assert (expected - there)[seen].abs().mean() < 0.01


def test_flicker_costs_steadiness_and_a_bias_costs_truth(clip) -> None:
    noise = torch.randn(clip.clip.log_depth.shape, generator=torch.Generator().manual_seed(1))
    noisy = measure(clip, Answer(clip.clip.log_depth + 0.02 * noise))
    biased = measure(clip, Answer(clip.clip.log_depth + 0.05))
    assert noisy["TAE"] > 3 * biased["TAE"]
    assert biased["AbsRel"] == pytest.approx(math.expm1(0.05), rel=1e-3)
    assert biased["TGM"] < 1e-6 < noisy["TGM"]


def test_blurring_time_shows_in_the_occlusion_band(clip) -> None:
    late = clip.clip.log_depth.roll(3, 0)
    late[:3] = clip.clip.log_depth[:3]
    values = measure(clip, Answer(late))
    if math.isfinite(values["AbsRel band"]):
        assert values["AbsRel band"] > 2 * values["AbsRel"]


def test_the_band_is_where_another_thing_was_seen_lately() -> None:
    ids = torch.zeros(6, 1, 3, dtype=torch.int32)
    ids[2:, 0, 1] = 7
    assert occlusion_band(ids)[:, 0, 1].tolist() == [False, False, True, True, True, False]
    assert not occlusion_band(ids)[:, 0, 0].any()


def test_bins_of_confidence_hold_every_pixel_once(clip) -> None:
    bins = by_confidence(clip, exact(clip))
    assert sum(each["pixels"] for each in bins) == pytest.approx(1)


@pytest.fixture(scope="module")
def table(clip) -> dict[str, list[dict[str, float]]]:
    return score([clip], baselines(), Options(), lambda _: None).rows


def test_every_baseline_is_scored_and_the_filter_is_steadier_than_its_teacher(table) -> None:
    rows = {name: means(each) for name, each in table.items()}
    kinds = [name.split()[0].rstrip(",") for name in rows]
    assert {*kinds} == {"raw", "EMA", "bilateral", "classic"} and kinds.count("classic") == 2 + 3
    assert rows[STRONG]["TGM"] < rows[RAW]["TGM"]
    assert rows["EMA 0.6"]["TGM"] < rows["EMA 0.4"]["TGM"]
    assert STRONG in score_table(rows)


def test_gates_are_passed_and_failed(table) -> None:
    rows = {name: means(each) for name, each in table.items()}
    strong = rows[STRONG]
    rows["net, mamba"] = replace_all(strong, factor=0.5)
    rows["net, worse"] = replace_all(strong, factor=3.0)
    scores = Scores(rows, rows, {})
    good = {gate.name: gate for gate in gates(scores, ["net, mamba"])}
    bad = {gate.name: gate for gate in gates(scores, ["net, mamba", "net, worse"])}
    assert good["TAE / classic"].passed and not bad["TAE / classic"].passed
    assert "**no**" in gate_table(list(bad.values()))
    assert best(rows, "EMA").startswith("EMA")


def replace_all(row: dict[str, float], *, factor: float) -> dict[str, float]:
    return {name: value * factor for name, value in row.items()}


def test_a_gate_that_could_not_be_measured_is_not_passed() -> None:
    assert not Gate("x", math.nan, 1.0).passed
    assert Gate("x", 0.3, 0.2, least=True).passed and not Gate("x", 0.1, 0.2, least=True).passed


def test_pictures_have_a_row_for_everything_that_is_shown(clip) -> None:
    methods = {RAW: baselines()[RAW]}
    few = replace(clip, clip=clip.clip)
    assert time_slices(few, methods, Options()).shape == (3, 3 * SHAPE.frames, 2 * 144 + 4)
    assert depth_strips(few, methods, Options(), every=5).shape == (3, 3 * 32 + 8, 2 * 48 + 4)
