"""The hole fill: what must hold for any picture, on the native kernel and on the reference."""

from __future__ import annotations

import pytest
import torch

from stereocast.kernels import fill_holes, forward_warp, native
from stereocast.kernels.fill import NARROW_PX, reference


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).expand(3, 1, len(values)).contiguous()


def test_a_wide_hole_continues_the_farther_side():
    view = row(10, 0, 0, 0, 90)
    holes = torch.tensor([[False, True, True, True, False]])
    near_right = fill_holes(view, holes, torch.tensor([[0.0, 9, 9, 9, 5]]))
    near_left = fill_holes(view, holes, torch.tensor([[5.0, 9, 9, 9, 0]]))
    assert near_right[0, 0].tolist() == [10, 10, 10, 10, 90]
    assert near_left[0, 0].tolist() == [10, 90, 90, 90, 90]


def test_a_narrow_hole_is_blended_from_side_to_side():
    holes = torch.tensor([[False, True, True, False]])
    assert holes.sum() == NARROW_PX
    filled = fill_holes(row(10, 0, 0, 40), holes, torch.tensor([[0.0, 0, 0, 5]]))
    assert filled[0, 0].tolist() == [10, 20, 30, 40]


def test_a_hole_at_the_frame_edge_takes_its_only_neighbour():
    holes = torch.tensor([[True, True, True, False, True, True]])
    filled = fill_holes(row(0, 0, 0, 7, 0, 0), holes, torch.zeros(1, 6))
    assert (filled == 7).all()


def test_a_row_without_colour_stays_as_it_is():
    view = row(1, 2, 3)
    assert torch.equal(fill_holes(view, torch.ones(1, 3, dtype=torch.bool)), view)


def test_only_holes_change(generator):
    view = torch.randint(0, 256, (3, 17, 23), dtype=torch.uint8, generator=generator)
    holes = torch.rand(17, 23, generator=generator) < 0.3
    filled = fill_holes(view, holes, torch.rand(17, 23, generator=generator))
    assert torch.equal(filled[:, ~holes], view[:, ~holes])


def test_filling_in_place_is_the_same(generator):
    view = torch.randint(0, 256, (3, 17, 23), dtype=torch.uint8, generator=generator)
    holes = torch.rand(17, 23, generator=generator) < 0.3
    apart = fill_holes(view, holes)
    assert fill_holes(view, holes, out=view) is view
    assert torch.equal(view, apart)


@pytest.mark.parametrize("size", [(17, 23), (1, 1), (3, 2), (33, 64)])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_native_equals_reference_bit_for_bit(size, share, dtype, generator):
    view = torch.randint(0, 256, (3, *size), generator=generator).to(dtype)
    holes = torch.rand(size, generator=generator) < share
    disparity = torch.randint(0, 3, size, generator=generator).float()
    if native.serving(view) is None:
        pytest.skip("the native module is not built")
    expected = reference.fill_holes(view, holes, disparity, NARROW_PX)
    assert torch.equal(fill_holes(view, holes, disparity), expected)


def test_the_background_fills_what_a_box_uncovers():
    image = torch.full((3, 9, 64), 50, dtype=torch.uint8)
    image[:, :, 20:40] = 200
    disparity = torch.zeros(9, 64)
    disparity[:, 20:40] = 6
    view, holes = forward_warp(image, disparity)
    filled = fill_holes(view, holes, torch.where(view[0] == 200, 6.0, 0.0))
    assert (filled[:, :, 34:40] == 50).all()
    assert (filled == 200).sum() == 3 * 9 * 20


def test_wrong_arguments_are_refused():
    view, holes = torch.zeros(3, 4, 5), torch.zeros(4, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match="fill_holes needs"):
        fill_holes(view, holes[:3])
    with pytest.raises(TypeError, match="fill_holes needs bool"):
        fill_holes(view, holes.float())
    with pytest.raises(TypeError, match="uint8 or float32"):
        fill_holes(view.double(), holes)
