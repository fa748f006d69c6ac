"""The hole fill: what must hold for any picture, on the native kernel and on the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import fill_holes, forward_warp, native
from stereocast.kernels.fill import NARROW_PX, reference, settings_for


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).expand(3, 1, len(values)).contiguous()


def test_a_wide_hole_continues_the_farther_side():
    view = row(10, 0, 0, 0, 90)
    holes = torch.tensor([[False, True, True, True, False]])
    near_right = fill_holes(view, holes, torch.tensor([[0.0, 9, 9, 9, 5]]), level=1)
    near_left = fill_holes(view, holes, torch.tensor([[5.0, 9, 9, 9, 0]]), level=1)
    assert near_right[0, 0].tolist() == [10, 10, 10, 10, 90]
    assert near_left[0, 0].tolist() == [10, 90, 90, 90, 90]


@pytest.mark.parametrize("level", [1, 2])
def test_a_narrow_hole_is_blended_from_side_to_side(level):
    holes = torch.tensor([[False, True, True, False]])
    assert holes.sum() == NARROW_PX
    filled = fill_holes(row(10, 0, 0, 40), holes, torch.tensor([[0.0, 0, 0, 5]]), level=level)
    assert filled[0, 0].tolist() == [10, 20, 30, 40]


@pytest.mark.parametrize("level", [1, 2])
def test_a_hole_at_the_frame_edge_takes_what_is_there(level):
    holes = torch.tensor([[True, True, True, False, True, True]])
    filled = fill_holes(row(0, 0, 0, 7, 0, 0), holes, torch.zeros(1, 6), level=level)
    assert torch.equal(filled.round(), torch.full((3, 1, 6), 7.0))


@pytest.mark.parametrize("level", [1, 2])
def test_a_picture_without_colour_stays_as_it_is(level):
    view = row(1, 2, 3)
    assert torch.equal(fill_holes(view, torch.ones(1, 3, dtype=torch.bool), level=level), view)


@pytest.mark.parametrize("level", [1, 2])
def test_only_holes_change(level, generator):
    view = torch.randint(0, 256, (3, 17, 23), dtype=torch.uint8, generator=generator)
    holes = torch.rand(17, 23, generator=generator) < 0.3
    filled = fill_holes(view, holes, torch.rand(17, 23, generator=generator), level=level)
    assert torch.equal(filled[:, ~holes], view[:, ~holes])
    assert not torch.equal(filled, view)


@pytest.mark.parametrize("level", [1, 2])
def test_what_lies_in_holes_does_not_matter(level, generator):
    view = torch.randint(0, 256, (3, 17, 23), dtype=torch.uint8, generator=generator)
    holes = torch.rand(17, 23, generator=generator) < 0.3
    disparity = torch.rand(17, 23, generator=generator)
    emptied = torch.where(holes, 0, view)
    unknown = torch.where(holes, -torch.inf, disparity)
    filled = fill_holes(view, holes, disparity, level=level)
    assert torch.equal(filled, fill_holes(emptied, holes, unknown, level=level))


@pytest.mark.parametrize("level", [1, 2])
def test_filling_in_place_is_the_same(level, generator):
    view = torch.randint(0, 256, (3, 17, 23), dtype=torch.uint8, generator=generator)
    holes = torch.rand(17, 23, generator=generator) < 0.3
    apart = fill_holes(view, holes, level=level)
    assert fill_holes(view, holes, level=level, out=view) is view
    assert torch.equal(view, apart)


def boxed(back: Tensor, fore: float, hole: slice) -> tuple[Tensor, Tensor, Tensor]:
    """A near, black box in columns [20, 30) of `back`, and beside it a hole."""
    view = back.clone()
    view[:, :, 20:30] = 0
    holes = torch.zeros(view.shape[1:], dtype=torch.bool)
    holes[:, hole] = True
    disparity = torch.zeros(view.shape[1:])
    disparity[:, 20:30] = fore
    view[:, holes] = 77
    return view, holes, disparity


def test_the_near_surface_does_not_leak_into_a_wide_hole():
    back = torch.full((3, 17, 64), 200, dtype=torch.uint8)
    filled = fill_holes(*boxed(back, 8.0, slice(30, 40)))
    inside = filled[:, :, 30:40].float()
    # The first pixel leans towards the box on purpose: that is the feather.
    assert (inside[..., 0] == 150).all()
    assert (inside[..., 1:] >= 197).all()


def test_a_hole_is_filled_from_the_rows_above_and_below_too():
    back = torch.zeros(3, 33, 64, dtype=torch.uint8)
    back[:, ::2] = 240  # stripes along the rows: level 1 would continue them sharply
    view, holes, disparity = boxed(back, 8.0, slice(30, 44))
    deep = fill_holes(view, holes, disparity)[:, 8:24, 32:36].float()
    assert ((deep - 120).abs() < 40).all()


def test_a_smooth_background_is_continued_without_a_step():
    ramp = torch.linspace(0, 250, 64).expand(3, 17, 64).contiguous()
    holes = torch.zeros(17, 64, dtype=torch.bool)
    holes[:, 30:38] = True
    filled = fill_holes(torch.where(holes, 0.0, ramp), holes)
    assert (filled - ramp).abs().max() < 20
    assert filled[0, 8].diff().abs().max() < 20


def test_the_same_scene_at_twice_the_width_is_weighted_alike():
    narrow, wide = settings_for(640), settings_for(1280)
    assert narrow.rate * 5 == wide.rate * 10
    assert wide.levels == narrow.levels + 1


SIZES = [(17, 23), (1, 1), (3, 2), (33, 64), (5, 130)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("level", [1, 2])
def test_native_equals_reference_bit_for_bit(level, size, share, dtype, generator):
    view = torch.randint(0, 256, (3, *size), generator=generator).to(dtype)
    holes = torch.rand(size, generator=generator) < share
    disparity = torch.randint(-3, 3, size, generator=generator) * 1.7
    if native.serving(view) is None:
        pytest.skip("the native module is not built")
    if level == 1:
        expected = reference.fill_from_row(view, holes, disparity, NARROW_PX)
    else:
        expected = reference.fill_from_around(view, holes, disparity, settings_for(size[1]))
    assert torch.equal(fill_holes(view, holes, disparity, level=level), expected)


def test_extreme_disparities_stay_finite_and_equal_the_reference(generator):
    view = torch.randint(0, 256, (3, 17, 23), generator=generator).float()
    holes = torch.rand(17, 23, generator=generator) < 0.4
    disparity = torch.randn(17, 23, generator=generator) * 1e6
    disparity[3] = torch.inf
    disparity[5] = torch.nan
    expected = reference.fill_from_around(view, holes, disparity, settings_for(23))
    filled = fill_holes(view, holes, disparity)
    assert filled.isfinite().all()
    assert torch.equal(filled, expected)


def test_threads_do_not_change_a_bit(generator):
    view = torch.randint(0, 256, (3, 130, 64), dtype=torch.uint8, generator=generator)
    holes = torch.rand(130, 64, generator=generator) < 0.4
    disparity = torch.randn(130, 64, generator=generator) * 5
    native.set_threads(1)
    alone = fill_holes(view, holes, disparity)
    native.set_threads(3)
    together = fill_holes(view, holes, disparity)
    native.set_threads(1)
    assert torch.equal(alone, together)


def test_the_background_fills_what_a_box_uncovers():
    image = torch.full((3, 9, 64), 50, dtype=torch.uint8)
    image[:, :, 20:40] = 200
    disparity = torch.zeros(9, 64)
    disparity[:, 20:40] = 6
    view, holes = forward_warp(image, disparity)
    filled = fill_holes(view, holes, torch.where(view[0] == 200, 6.0, 0.0), level=1)
    assert (filled[:, :, 34:40] == 50).all()
    assert (filled == 200).sum() == 3 * 9 * 20


def test_wrong_arguments_are_refused():
    view, holes = torch.zeros(3, 4, 5), torch.zeros(4, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match="fill_holes needs"):
        fill_holes(view, holes[:3])
    with pytest.raises(TypeError, match="fill_holes needs bool"):
        fill_holes(view, holes.float())
    with pytest.raises(ValueError, match="levels 1 and 2"):
        fill_holes(view, holes, level=3)
    with pytest.raises(TypeError, match="uint8 or float32"):
        fill_holes(view.double(), holes)
