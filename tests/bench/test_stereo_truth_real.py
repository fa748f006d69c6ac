"""Real clips: matching finds known disparities, and the published rows come out again."""

from __future__ import annotations

import pytest
import torch

from stereocast.bench.stereo_truth.hole_fills import sides
from stereocast.bench.stereo_truth.matching import match
from stereocast.bench.stereo_truth.methods import CONSTANT, COPY, OURS, RAMP, Ours
from stereocast.bench.stereo_truth.real_clips import PUBLISHED_ORACLE_DB, run_clip
from stereocast.bench.stereo_truth.real_pairs import Pair, median, pairs, shrink
from stereocast.engine.errors import ConfigError


def dots(height, width, generator):
    return torch.randint(0, 256, (3, height, width), generator=generator).to(torch.uint8)


@pytest.fixture
def planes(generator):
    """Random dots: ground at 2 px, a plate at 9 px in columns 40…69; plus their right eye."""
    left = dots(40, 110, generator)
    disparity = torch.full((40, 110), 2.0)
    disparity[8:32, 40:70] = 9
    right = dots(40, 110, generator)
    for d in (2, 9):
        for y, x in (disparity == d).nonzero().tolist():
            if x >= d:
                right[:, y, x - d] = left[:, y, x]
    return left, right, disparity


def test_matching_finds_both_planes_where_it_claims_to(planes):
    left, right, disparity = planes
    found = match(left, right, lowest=-4, count=20)
    error = (found.disparity - disparity).abs()[found.valid]
    assert (error < 0.5).float().mean() > 0.97
    assert found.valid.float().mean() > 0.8


def test_matching_trusts_nothing_that_only_the_left_eye_sees(planes):
    left, right, _ = planes
    found = match(left, right, lowest=-4, count=20)
    hidden = found.valid[12:28, 34:39]  # the plate stands before it in the right eye
    assert hidden.float().mean() < 0.2


def test_matching_reads_half_pixels(generator):
    fine = torch.rand(1, 3, 30, 200, generator=generator)
    smooth = torch.nn.functional.avg_pool2d(fine, (3, 5), stride=1)[0] * 255
    left, right = smooth[:, :, 0:180:2].byte(), smooth[:, :, 7:187:2].byte()
    found = match(left.contiguous(), right.contiguous(), lowest=-2, count=12)
    assert float(found.disparity[found.valid].median()) == pytest.approx(3.5, abs=0.2)


def test_unknown_disparity_is_continued_from_the_farther_side():
    disparity = torch.full((9, 20), 1.0)
    disparity[:, 12:] = 8
    valid = torch.ones(9, 20, dtype=torch.bool)
    valid[:, 8:12] = False
    spoilt = torch.where(valid, disparity, 50.0)
    blank = torch.zeros(3, 9, 20, dtype=torch.uint8)
    assert torch.equal(Pair(blank, blank, spoilt, valid).completed(), disparity)
    assert sides(~valid)[0][0, 9] == 7


def test_median_of_five_by_five(generator):
    values = torch.randn(9, 11, generator=generator)
    assert median(values)[4, 5] == values[2:7, 3:8].flatten().median()


def test_shrinking_averages_the_area_that_a_pixel_covers():
    row = torch.tensor([0.0, 3.0, 6.0]).expand(1, 2, 3)
    assert shrink(row, (1, 2))[0, 0].tolist() == pytest.approx([1.0, 5.0])


def test_missing_clips_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"google_plaza_sbs\.mp4 is missing; name the folder"):
        next(pairs(tmp_path, "google_plaza"))


def test_published_rows_of_the_motorcycle_come_out_again(data):
    scores = {row.method: row.scores for row in run_clip(data, "motorcycle", {OURS: Ours})}
    for method, level, likeness in (
        (COPY, 12.36, 0.237),
        (CONSTANT, 14.28, 0.358),
    ):
        assert scores[method]["psnr"] == pytest.approx(level, abs=0.006)
        assert scores[method]["ssim"] == pytest.approx(likeness, abs=0.0006)
    assert scores[RAMP]["psnr"] == pytest.approx(15.06, abs=0.1)
    assert scores[OURS]["psnr"] >= PUBLISHED_ORACLE_DB["motorcycle"] - 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "level"),
    [
        ("google_plaza", 21.40),
        ("congo yaw0", 17.78),
        ("congo yaw90", 18.95),
        ("iceland yaw0", 27.09),
    ],
)
def test_published_rows_of_the_clips_come_out_again(data, clip, level):
    scores = {row.method: row.scores for row in run_clip(data, clip, {OURS: Ours})}
    assert scores[COPY]["psnr"] == pytest.approx(level, abs=0.02)
    assert scores[OURS]["psnr"] >= PUBLISHED_ORACLE_DB[clip] - 1
