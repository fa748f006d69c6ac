"""Scores of right eyes: each against a value worked out by hand or by brute force."""

from __future__ import annotations

import math

import pytest
import torch

from stereocast.bench.stereo_truth import artefacts, scores


def grey(height, width, level):
    return torch.full((3, height, width), level, dtype=torch.uint8)


def noise(height, width, generator):
    return torch.randint(0, 256, (3, height, width), generator=generator).to(torch.uint8)


def test_psnr_of_an_error_of_ten_levels():
    assert scores.psnr(grey(5, 7, 110), grey(5, 7, 100)) == pytest.approx(28.1308, abs=1e-4)


def test_psnr_weighs_pixels():
    made, truth = grey(4, 4, 100), grey(4, 4, 100)
    made[:, 0] = 110
    weight = torch.zeros(4, 4)
    weight[0], weight[1] = 0.25, 0.75
    expected = 10 * math.log10(255**2 / 25)
    assert scores.psnr(made, truth, weight) == pytest.approx(expected)


def test_psnr_of_the_truth_is_infinite_and_of_nothing_unknown():
    assert scores.psnr(grey(3, 3, 9), grey(3, 3, 9)) == math.inf
    assert math.isnan(scores.psnr(grey(3, 3, 9), grey(3, 3, 8), torch.zeros(3, 3)))


def slow_similarity(a, b, window):
    """One number per place, moments as sums over the window."""
    size = window.shape[0]
    c1, c2 = 6.5025, 58.5225
    height, width = a.shape
    result = torch.zeros(height - size + 1, width - size + 1, dtype=torch.float64)
    for y in range(result.shape[0]):
        for x in range(result.shape[1]):
            p, q = a[y : y + size, x : x + size], b[y : y + size, x : x + size]
            mp, mq = float((p * window).sum()), float((q * window).sum())
            vp = float(((p - mp) ** 2 * window).sum())
            vq = float(((q - mq) ** 2 * window).sum())
            cov = float(((p - mp) * (q - mq) * window).sum())
            numerator = (2 * mp * mq + c1) * (2 * cov + c2)
            result[y, x] = numerator / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
    return result


@pytest.mark.parametrize("window", [scores.box_window(), scores.gaussian_window()])
def test_similarity_equals_the_definition(window, generator):
    a, b = (scores.luma(noise(14, 17, generator)) for _ in range(2))
    b = 0.6 * a + 0.4 * b
    torch.testing.assert_close(
        scores.similarity_map(a, b, window), slow_similarity(a, b, window), rtol=0, atol=1e-9
    )


def test_ssim_of_a_region_is_the_mean_of_the_boxes_centred_there(generator):
    made, truth = noise(13, 17, generator), noise(13, 17, generator)
    region = torch.zeros(13, 17, dtype=torch.bool)
    region[5, 8] = region[0, 0] = True  # no box fits around the corner
    box = slow_similarity(scores.luma(made), scores.luma(truth), scores.box_window())
    assert scores.ssim(made, truth, region) == pytest.approx(float(box[2, 5]))
    assert scores.ssim(truth, truth) == pytest.approx(1)


def test_edge_band_reaches_four_pixels_at_640():
    disparity = torch.zeros(9, 640)
    disparity[:, 300:] = 5
    band = scores.edge_band(disparity)
    assert band.any(dim=0).nonzero().flatten().tolist() == list(range(295, 305))


def test_a_slope_is_no_edge():
    assert not scores.edge_band(torch.arange(40.0).expand(9, 40) * 0.9).any()


def test_an_error_that_stays_does_not_flicker(generator):
    error = torch.randn(3, 5, 7, generator=generator)
    assert artefacts.flicker(error, error) == 0


def test_flicker_is_the_mean_change_of_the_error_in_the_region():
    before, now = torch.zeros(3, 4, 4), torch.zeros(3, 4, 4)
    now[:, 0], now[0, 1] = -6.0, 3.0
    region = torch.zeros(4, 4, dtype=torch.bool)
    region[:2] = True
    assert artefacts.flicker(now, before, region) == pytest.approx((6 + 1) / 2)


@pytest.fixture
def disocclusion():
    """A red object in columns 2…7, then four hidden columns, on green ground."""
    truth = grey(3, 16, 0)
    truth[1] = 200
    truth[:, :, 2:8] = torch.tensor([200, 0, 0], dtype=torch.uint8)[:, None, None]
    hidden = torch.zeros(3, 16, dtype=torch.bool)
    hidden[:, 8:12] = True
    disparity = torch.zeros(3, 16)
    disparity[:, 2:8] = 4
    return truth, hidden, disparity


def test_the_truth_does_not_leak(disocclusion):
    truth, hidden, disparity = disocclusion
    assert artefacts.leakage(truth, truth, hidden, disparity) == 0


def test_leakage_is_the_share_of_hidden_pixels_in_the_objects_colour(disocclusion):
    truth, hidden, disparity = disocclusion
    made = truth.clone()
    made[:, :, 8] = truth[:, :, 5]
    assert artefacts.leakage(made, truth, hidden, disparity) == pytest.approx(0.25)


def test_an_object_in_the_colour_of_the_ground_tells_nothing(disocclusion):
    truth, hidden, disparity = disocclusion
    truth[:, :, 2:8] = truth[:, :, 12:13]
    assert math.isnan(artefacts.leakage(truth, truth, hidden, disparity))


def test_consistency_looks_only_at_points_that_both_eyes_see(generator):
    """A box 3 px in front moves left over noise; what it uncovers is wrong on purpose."""
    left = noise(5, 24, generator)
    disparity = torch.zeros(5, 24)
    disparity[:, 10:15] = 3
    right, right_disparity = left.clone(), torch.zeros(5, 24)
    right[:, :, 7:12] = left[:, :, 10:15]
    right_disparity[:, 7:12] = 3
    right[:, :, 12:15] = 255 - right[:, :, 12:15]
    assert artefacts.consistency(right, left, disparity, right_disparity) == math.inf
    wrong = right.clone()
    wrong[:, 2, 9] = left[:, 2, 12] ^ 16  # seen by both
    seen = 5 * (24 - 3 - 2)  # not the 3 columns that the box covers, nor 2 at the borders of planes
    level = scores.psnr(wrong, right) + 10 * math.log10(seen / (5 * 24))
    measured = artefacts.consistency(wrong, left, disparity, right_disparity)
    assert measured == pytest.approx(level, abs=0.25)
