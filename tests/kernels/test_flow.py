"""Block matching and re-projection: what must hold, on the native kernels and the references."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from stereocast.kernels import block_matching, native, reproject
from stereocast.kernels.flow import REACH_PX, STILL_GATE, reference, shrink

FINE = 8  # a texture is drawn this many times finer than its pixels, for sub-pixel shifts


def texture(height: int, width: int, generator: torch.Generator) -> Tensor:
    """A picture float32 [3, height, width] with detail of four pixels and more everywhere."""
    coarse = torch.rand(1, 3, height // 4 + 1, width // 4 + 1, generator=generator)
    smooth = interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return smooth[0].contiguous()


def noisy(picture: Tensor, generator: torch.Generator) -> Tensor:
    return picture + 0.02 * torch.randn(picture.shape, generator=generator)


@pytest.mark.parametrize("size", [(1, 1), (17, 23), (40, 33)])
@pytest.mark.parametrize(("channels", "dtype"), [(1, torch.float32), (3, torch.uint8)])
def test_the_native_matcher_agrees_with_the_reference(size, channels, dtype, generator):
    if native.serving() is None:
        pytest.skip("the native module was not built")
    previous = texture(size[0] + 4, size[1] + 4, generator)[:channels]
    current = noisy(previous[:, 3 : 3 + size[0], 1 : 1 + size[1]], generator)
    previous = previous[:, : size[0], : size[1]].contiguous()
    if dtype == torch.uint8:
        previous, current = ((x.clamp(0, 1) * 255).to(dtype) for x in (previous, current))
    gate = reference.gate_levels(STILL_GATE)
    expected = reference.block_matching(previous, current.contiguous(), gate)
    assert torch.equal(block_matching(previous, current.contiguous()), expected)


@pytest.mark.parametrize("shift", [(1, 0), (0, -3), (5, -12), (-17, 21)])
def test_a_shift_by_whole_pixels_is_found_exactly(shift, generator):
    height, width, margin = 101, 127, REACH_PX
    scene = texture(height + 2 * margin, width + 2 * margin, generator)
    previous = scene[:, margin:-margin, margin:-margin].contiguous()
    y, x = margin + shift[1], margin + shift[0]
    current = scene[:, y : y + height, x : x + width].contiguous()
    inside = block_matching(previous, current)[:, 20:-20, 20:-20]
    assert (inside[0] == shift[0]).all()
    assert (inside[1] == shift[1]).all()


@pytest.mark.parametrize("eighths", [1, 3, 4, 5, 7, 12])
def test_a_shift_by_a_part_of_a_pixel_is_found_within_a_quarter(eighths, generator):
    fine = interpolate(texture(50, 80, generator)[None], scale_factor=FINE, mode="bilinear")
    fine = avg_pool2d(fine, FINE + 1, 1, FINE // 2)[0]
    previous = fine[:, ::FINE, ::FINE][:, :, :70].contiguous()
    current = fine[:, ::FINE, eighths::FINE][:, :, :70].contiguous()
    found = block_matching(previous, current, still_gate=0.0)[0, 6:-6, 6:-6]
    assert ((found - eighths / FINE).abs() <= 0.25).float().mean() > 0.95
    assert (found.median() - eighths / FINE).abs() <= 0.125


def test_a_resting_picture_has_exactly_no_motion(generator):
    picture = texture(61, 83, generator)
    assert not block_matching(picture, picture).any()


def test_noise_on_a_resting_picture_is_no_motion(generator):
    picture = texture(61, 83, generator)
    assert not block_matching(noisy(picture, generator), noisy(picture, generator)).any()


def test_without_the_still_gate_noise_would_be_motion(generator):
    picture = texture(61, 83, generator)
    previous, current = noisy(picture, generator), noisy(picture, generator)
    assert block_matching(previous, current, still_gate=0.0).any()


def test_blank_pictures_have_no_motion():
    assert not block_matching(torch.full((3, 31, 41), 0.2), torch.full((3, 31, 41), 0.7)).any()


def test_a_moving_square_has_its_own_motion_and_the_rest_none(generator):
    ground, square = texture(101, 127, generator), texture(40, 40, generator)
    previous, current = ground.clone(), ground.clone()
    previous[:, 20:60, 30:70] = square
    current[:, 24:64, 37:77] = square
    x, y = block_matching(previous, current)
    assert (x[15:29, 22:34] == -7).all() and (y[15:29, 22:34] == -4).all()
    far = torch.ones_like(x, dtype=torch.bool)
    far[4:38, 9:45] = False
    assert not x[far].any() and not y[far].any()


def test_the_matcher_does_not_depend_on_the_number_of_threads(generator):
    previous, current = texture(61, 83, generator), texture(61, 83, generator)
    once = block_matching(previous, current)
    native.set_threads(3)
    try:
        assert torch.equal(block_matching(previous, current), once)
    finally:
        native.set_threads(1)


def test_moving_back_along_the_motion_gives_the_current_picture(generator):
    scene = texture(111, 137, generator)
    previous, current = scene[:, :101, :127].contiguous(), scene[:, 6:107, 9:136].contiguous()
    moved, inside = reproject(previous, block_matching(previous, current))
    assert torch.equal(moved[:, 24:-24, 24:-24], current[:, 24:-24, 24:-24])
    assert inside[24:-24, 24:-24].all()


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_native_reprojection_agrees_with_the_reference(scale, dtype, generator):
    if native.serving() is None:
        pytest.skip("the native module was not built")
    values = (torch.rand(5, 17, 23, generator=generator) * 255).to(dtype)
    flow = 6 * torch.randn(2, -(-17 // scale), -(-23 // scale), generator=generator)
    expected, expected_inside = reference.reproject(values, flow, scale)
    moved, inside = reproject(values, flow)
    assert torch.equal(moved, expected)
    assert torch.equal(inside, expected_inside)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_things_that_move_alike_are_moved_as_any_others(dtype, generator):
    if native.serving() is None:
        pytest.skip("the native module was not built")
    values = (torch.rand(3, 19, 71, generator=generator) * 255).to(dtype)
    flow = torch.zeros(2, 10, 36)
    flow[0, :, 5:] = 1.3125  # runs that begin and end inside, and one at the right edge
    flow[1, 4:] = -2.6875
    flow[0, 7] = torch.randn(36, generator=generator)
    expected, expected_inside = reference.reproject(values, flow, 2)
    moved, inside = reproject(values, flow)
    assert torch.equal(moved, expected)
    assert torch.equal(inside, expected_inside)


def test_no_motion_reprojects_nothing(generator):
    values = torch.randn(2, 17, 23, generator=generator)
    moved, inside = reproject(values, torch.zeros(2, 9, 12))
    assert torch.equal(moved, values)
    assert inside.all()


def test_what_comes_from_outside_is_marked_and_continues_the_edge():
    values = torch.arange(5.0).expand(1, 3, 5).contiguous()
    flow = torch.zeros(2, 3, 5)
    flow[0] = -2.0
    moved, inside = reproject(values, flow)
    assert moved[0, 1].tolist() == [0, 0, 0, 1, 2]
    assert inside[1].tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("factor", [1, 4, 7])
def test_shrinking_averages_grey_squares(factor, generator):
    picture = torch.randint(0, 256, (3, 37, 53), dtype=torch.uint8, generator=generator)
    assert torch.equal(shrink(picture, factor), reference.shrink(picture, factor))
    assert shrink(torch.full((3, 37, 53), 91, dtype=torch.uint8), factor).unique().tolist() == [91]


def test_what_does_not_fit_is_refused():
    picture = torch.zeros(3, 8, 8)
    with pytest.raises(TypeError, match="two uint8 or two float32"):
        block_matching(picture, picture.to(torch.uint8))
    with pytest.raises(ValueError, match="of one size"):
        block_matching(picture, torch.zeros(3, 8, 9))
    with pytest.raises(ValueError, match="still_gate"):
        block_matching(picture, picture, still_gate=2.0)
    with pytest.raises(ValueError, match=r"a flow \[2, h, w\]"):
        reproject(picture, torch.zeros(2, 3, 3))
    with pytest.raises(ValueError, match="at least one square"):
        shrink(torch.zeros(3, 8, 8, dtype=torch.uint8), 9)
