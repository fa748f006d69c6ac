"""From clips to tables: rows are paired, promises judged, pictures drawn, scenes kept."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from stereocast.bench.stereo_truth import gates, pictures, tables
from stereocast.bench.stereo_truth.clips import Clip, RenderedClips
from stereocast.bench.stereo_truth.comparison import METRICS, THE_TRUTH, Row, run
from stereocast.bench.stereo_truth.methods import BASELINES, COPY, OURS, SPLAT, Ours, stateless
from stereocast.bench.stereo_truth.pairing import over_clips, paired, spread
from stereocast.training.scenes import TruthFrame

SMALL = RenderedClips(scenes=1, frames=2, width=64, height=40, seed=3)


def truth_frame(generator, shift):
    """Noise on a plane, a plate 4 px before it that stands `shift` columns further right."""
    height, width = 24, 48
    left = torch.randint(0, 256, (3, height, width), generator=generator).to(torch.uint8)
    disparity = torch.zeros(height, width)
    disparity[:, 20 + shift : 30 + shift] = 4
    right, right_disparity = left.clone(), torch.zeros(height, width)
    right[:, :, 16 + shift : 26 + shift] = left[:, :, 20 + shift : 30 + shift]
    right_disparity[:, 16 + shift : 26 + shift] = 4
    occluded = torch.zeros(height, width)
    occluded[:, 26 + shift : 30 + shift] = 1
    return TruthFrame(
        left=left,
        right=right,
        disparity=disparity,
        right_disparity=right_disparity,
        depth_m=torch.ones(height, width),
        occluded=occluded,
        outside=torch.zeros(height, width),
    )


class TwoFrames:
    def __init__(self, generator):
        frames = tuple(truth_frame(generator, shift) for shift in (0, 1))
        given = tuple(frame.disparity for frame in frames)
        self._clip = Clip("plate", "perfect", frames, given)

    def clips(self):
        yield self._clip


def test_every_method_and_the_truth_get_every_score(generator):
    rows = run(TwoFrames(generator), {OURS: Ours, SPLAT: BASELINES[SPLAT]})
    assert [row.method for row in rows] == [OURS, SPLAT, THE_TRUTH]
    for row in rows:
        assert tuple(row.scores) == METRICS
    truth = next(row.scores for row in rows if row.method == THE_TRUTH)
    assert (truth["ssim"], truth["flicker"], truth["leakage"]) == (pytest.approx(1), 0, 0)
    splatted = next(row.scores for row in rows if row.method == SPLAT)
    assert splatted["visible_psnr"] > 30 > 20 > splatted["occluded_psnr"]
    assert math.isnan(splatted["outside_psnr"])


def test_a_method_keeps_its_state_over_a_clip_and_starts_anew_with_the_next(generator):
    seen: list[int] = []

    def make():
        frames: list[Tensor] = []

        def eye(left, disparity):
            frames.append(left)
            seen.append(len(frames))
            return left, None

        return eye

    clips = TwoFrames(generator)
    run(clips, {"counting": make})
    run(clips, {"counting": make})
    assert seen == [1, 2, 1, 2]


def row(depth, clip, method, **scores):
    return Row(depth, clip, method, {name: scores.get(name, 0.0) for name in METRICS})


def test_pairs_compare_the_same_clip():
    rows = [row("perfect", f"s{i}", OURS, psnr=p) for i, p in enumerate((30.0, 20.0, 25.0))]
    rows += [row("perfect", f"s{i}", SPLAT, psnr=p) for i, p in enumerate((28.0, 19.0, 25.5))]
    gap = paired(reversed(rows), OURS, SPLAT, metric="psnr")
    assert (gap.mean, gap.count, gap.above) == (pytest.approx(2.5 / 3), 3, 2)
    assert gap.sd == pytest.approx(1.258306, abs=1e-6)
    assert over_clips(rows, SPLAT, "psnr").mean == pytest.approx(72.5 / 3)


def test_spread_leaves_out_what_is_unknown():
    assert spread([1.0, math.nan, 3.0]).mean == 2
    assert math.isnan(spread([math.nan]).mean)


def test_promises_of_perfect_depth_hold_from_their_limits_on():
    def judged(gain, better):
        rows = [row("perfect", f"s{i}", SPLAT, psnr=20.0) for i in range(6)]
        for i in range(6):
            ours = 20.0 + (gain if i < better else -0.1)
            rows.append(row("perfect", f"s{i}", OURS, psnr=ours))
        return [gate.is_kept for gate in gates.gates(rows)]

    assert judged(2.0, 6) == [True, True]
    assert judged(2.0, 5) == [True, True]
    assert judged(1.1, 6) == [False, True]
    assert judged(9.0, 4) == [True, False]


def test_realistic_promises_are_judged_against_the_stronger_of_two_dilations():
    levels = {OURS: 27.0, gates.DILATED: 26.0, gates.DILATED_SCALED: 26.8, SPLAT: 23.0}
    levels |= {gates.SPLAT_RIGHT: 22.0, gates.IW3: 24.0, gates.IW3_DILATED: 26.9}
    rows = [row("realistic", "s", name, psnr=level) for name, level in levels.items()]
    first = gates.gates(rows)[0]
    assert gates.DILATED_SCALED in first.name
    assert first.value == pytest.approx(0.2)
    assert first.line().startswith("FAIL")


def test_a_promise_without_a_number_is_not_kept():
    assert not gates.Gate("unknown", math.nan, 0.0).is_kept
    assert not gates.Gate("unknown", math.nan, 0.0, at_most=True).is_kept


def test_tables_hold_means_and_paired_differences(generator):
    text = tables.table(run(TwoFrames(generator), {OURS: Ours, COPY: BASELINES[COPY]}))
    lines = text.splitlines()
    assert lines[0] == "### Perfect depth, 1 scenes"
    assert any(line.startswith(f"| {COPY} | +") and "(1/1)" in line for line in lines)
    assert len({line.count("|") for line in lines if line.startswith(f"| {COPY}")}) == 2


def test_heat_is_black_without_error_and_white_at_its_worst():
    truth = torch.zeros(3, 2, 2, dtype=torch.uint8)
    made = truth.clone()
    made[1, 0, 0] = 255
    heat = pictures.heat(made, truth)
    assert heat[:, 0, 0].tolist() == [255, 255, 255]
    assert heat[:, 1, 1].tolist() == [0, 0, 0]


def test_crops_show_what_is_hidden_and_do_not_overlap():
    hidden = torch.zeros(40, 60)
    hidden[5:10, 40:44], hidden[30:34, 8:11] = 1, 1
    first, second = pictures.crops_of(hidden, (10, 12))
    assert 0 <= 5 - first[0] <= 5 and first[1] <= 40 and first[1] + 12 >= 44
    assert second[0] <= 30 and second[0] + 10 >= 34 and second[1] <= 8


def test_pictures_have_a_column_for_every_method(generator, tmp_path):
    methods = {OURS: Ours, COPY: BASELINES[COPY]}
    paths = pictures.save_pictures(tmp_path, TwoFrames(generator), methods, depth="perfect")
    assert [path.name for path in paths] == ["contact-perfect.png", "errors-perfect.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_kept_scenes_equal_rendered_ones(tmp_path):
    kept = replace(SMALL, cache=tmp_path)
    first, second, fresh = ([*source.clips()] for source in (kept, kept, SMALL))
    assert len(list(tmp_path.iterdir())) == 1
    assert [clip.depth for clip in first] == ["perfect", "realistic"]
    for a, b, c in zip(first, second, fresh, strict=True):
        for maps in zip((*a.given, a.frames[1].right), (*b.given, b.frames[1].right),
                        (*c.given, c.frames[1].right), strict=True):  # fmt: skip
            assert torch.equal(maps[0], maps[1])
            assert torch.equal(maps[0], maps[2])


def test_run_accepts_any_method():
    rows = run(SMALL.only("perfect"), {"mine": stateless(lambda left, d: (left, None))})
    assert {row.method for row in rows} == {"mine", THE_TRUTH}
