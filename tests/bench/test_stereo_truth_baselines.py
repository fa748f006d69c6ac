"""Baselines do what their names say: the splat equals its original, fills equal brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stereocast.bench.stereo_truth import flat_cues, hole_fills, methods
from stereocast.bench.stereo_truth.comparison import METHODS
from stereocast.bench.stereo_truth.splat import splat

SPLATS = ("integers", "fractional", "layered", "const0", "const2p5")


def noise(height, width, generator):
    return torch.randint(0, 256, (3, height, width), generator=generator).to(torch.uint8)


@pytest.mark.parametrize("name", SPLATS)
def test_splat_equals_the_original_off_its_border_defects(golden, name):
    with np.load(golden / "stereo" / f"sc_{name}.npz") as arrays:
        image, disparity, right, occluded = (
            torch.from_numpy(arrays[key]) for key in ("image", "disp", "right", "occ")
        )
    view, _, coverage = splat(image, disparity)
    inner = (slice(None, -1), slice(1, -1))
    torch.testing.assert_close(view[:, *inner], right[:, *inner], rtol=0, atol=2e-6)
    torch.testing.assert_close(1 - coverage.clamp(0, 1)[inner], occluded[inner], rtol=0, atol=1e-5)


def test_splat_mixes_by_1414_to_the_disparity():
    image = torch.zeros(3, 1, 8)
    image[:, 0, 5] = 1
    disparity = torch.zeros(1, 8)
    disparity[0, 5] = 2
    view, seen, coverage = splat(image, disparity)
    share = 1.414**2 / (1 + 1.414**2)
    assert view[0, 0, 3] == pytest.approx(share)
    assert seen[0, 3] == pytest.approx(2 * share)
    assert coverage[0, [3, 5]].tolist() == [2, 0]


def test_splat_loses_nothing_inside_the_frame(generator):
    image = torch.rand(3, 7, 9, generator=generator)
    view, _, coverage = splat(image, torch.zeros(7, 9))
    torch.testing.assert_close(view, image)
    assert (coverage == 1).all()
    assert splat(image, torch.full((7, 9), 0.25))[2][:, 0].tolist() == pytest.approx([1.0] * 7)


def test_fill_from_background_equals_brute_force(generator):
    view = torch.rand(3, 11, 17, generator=generator)
    holes = torch.rand(11, 17, generator=generator) < 0.6
    holes[3] = True
    disparity = torch.randint(0, 3, (11, 17), generator=generator).float()
    expected = view.clone()
    for y, x in holes.nonzero().tolist():
        left = [c for c in range(x) if not holes[y, c]][-1:]
        right = [c for c in range(x, 17) if not holes[y, c]][:1]
        sources = sorted(right + left, key=lambda c: float(disparity[y, c]))  # ties: right first
        if sources:
            expected[:, y, x] = view[:, y, sources[0]]
    assert torch.equal(hole_fills.fill_from_background(view, holes, disparity), expected)


def test_fill_from_right_stops_at_its_reach():
    view = torch.arange(8.0).expand(1, 1, 8).clone()
    holes = torch.tensor([[True, True, True, False, True, False, True, True]])
    filled = hole_fills.fill_from_right(view, holes, reach_px=2)
    assert filled[0, 0].tolist() == [0, 3, 3, 3, 5, 5, 5, 5]


def test_dilation_is_the_largest_of_the_window(generator):
    disparity = torch.randn(9, 11, generator=generator)
    assert hole_fills.dilate(disparity, 5)[4, 5] == disparity[2:7, 3:8].max()
    assert hole_fills.dilate(disparity, 5)[0, 0] == disparity[:3, :3].max()


@pytest.mark.parametrize(("height", "size"), [(720, 13), (360, 7), (1080, 19)])
def test_dilation_scales_with_the_height(height, size):
    assert methods.dilation_px(height) == size


def test_constant_and_ramp_ignore_what_is_not_valid():
    rows = torch.linspace(0, 1, 20)[:, None].expand(20, 30)
    disparity = 3 * rows - 1
    valid = torch.ones(20, 30, dtype=torch.bool)
    valid[:, :5] = False
    spoilt = torch.where(valid, disparity, 1e6)
    torch.testing.assert_close(flat_cues.row_ramp(spoilt, valid), disparity, rtol=0, atol=1e-5)
    expected = float(disparity[:, 5:].median())
    assert float(flat_cues.constant_shift(spoilt, valid)[0, 0]) == pytest.approx(expected, abs=0.1)


def test_row_ramp_shrugs_off_outliers():
    rows = torch.linspace(0, 1, 40)[:, None].expand(40, 30)
    disparity = 3 * rows - 1
    spoilt = disparity.clone()
    spoilt[5:15, 3:6] = 60
    torch.testing.assert_close(flat_cues.row_ramp(spoilt), disparity, rtol=0, atol=1e-4)


def test_plain_renderer_equals_a_loop_over_fine_columns(generator):
    left = noise(3, 9, generator)
    disparity = torch.randint(-3, 4, (3, 9), generator=generator).float() / 2
    fine = torch.nn.functional.interpolate(left[None].float(), size=(3, 36), mode="bilinear")[0]
    depth = torch.nn.functional.interpolate(disparity[None, None], size=(3, 36), mode="bilinear")
    made, open_share = flat_cues.draw(left, disparity)
    for y in range(3):
        row: dict[int, tuple[float, int]] = {}
        for x in range(36):
            d = float(depth[0, 0, y, x])
            target = int(torch.tensor(x - 4 * d).round())
            if 0 <= target < 36 and (target not in row or (d, x) >= row[target]):
                row[target] = (d, x)
        colours = []
        for x in range(36):
            sides = [max((t for t in row if t <= x), default=None)]
            sides.insert(0, min((t for t in row if t >= x), default=None))
            best = min((t for t in sides if t is not None), key=lambda t: row[t][0])
            colours.append(fine[:, y, row[best][1]])
        expected = torch.stack(colours, dim=1).reshape(3, 9, 4).mean(dim=2)
        torch.testing.assert_close(made[:, y].float(), expected, rtol=0, atol=0.51)
        gaps = torch.tensor([float(x not in row) for x in range(36)]).reshape(9, 4).mean(dim=1)
        torch.testing.assert_close(open_share[y], gaps)


def test_backward_warp_samples_where_the_disparity_points(generator):
    left = noise(1, 12, generator)
    disparity = torch.full((1, 12), 2.25)
    view, _ = methods.sampled_backward(left, disparity)
    a, b = left[:, 0, 5 + 2].float(), left[:, 0, 5 + 3].float()
    torch.testing.assert_close(view[:, 0, 5].float(), a + 0.25 * (b - a), rtol=0, atol=0.51)


SOFTENING = (methods.CONSTANT, methods.RAMP)  # the plain renderer blurs a little


@pytest.mark.parametrize("name", METHODS)
def test_without_disparity_every_method_shows_the_left_eye(name, generator):
    ramp = torch.arange(48).expand(3, 40, 48).to(torch.uint8).contiguous()
    view, holes = METHODS[name]()(ramp, torch.zeros(40, 48))
    assert view.dtype == torch.uint8
    assert holes is None or not holes.any()
    torch.testing.assert_close(view, ramp, rtol=0, atol=1 if name in SOFTENING else 0)


@pytest.mark.parametrize("name", METHODS)
def test_methods_leave_their_input_alone(name, generator):
    left, disparity = noise(40, 48, generator), torch.randn(40, 48, generator=generator)
    before = left.clone(), disparity.clone()
    METHODS[name]()(left, disparity)
    assert torch.equal(left, before[0])
    assert torch.equal(disparity, before[1])
