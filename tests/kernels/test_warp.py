"""The forward warp: what must hold for any picture, on the native kernel and on the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stereocast.kernels import forward_warp, native
from stereocast.kernels.warp import TEAR_PX, reference, warp_with_disparity

SIZES = [(17, 23), (1, 1), (5, 1), (1, 2), (33, 64)]


def picture(height: int, width: int, dtype: torch.dtype = torch.uint8) -> Tensor:
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return torch.randint(0, 256, (3, height, width), generator=generator).to(dtype)


def steps(height: int, width: int, fore: float, back: float, left: int, right: int) -> Tensor:
    """A fronto-parallel box of disparity `fore` in columns [left, right) before a flat `back`."""
    disparity = torch.full((height, width), back)
    disparity[:, left:right] = fore
    return disparity


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_zero_disparity_is_identity_to_the_last_row_and_column(size, dtype):
    image = picture(*size, dtype)
    view, holes = forward_warp(image, torch.zeros(size))
    assert torch.equal(view, image)
    assert not holes.any()


@pytest.mark.parametrize("shift", [4, -3])
def test_constant_disparity_is_an_exact_shift(shift):
    image = picture(17, 23)
    right, holes = forward_warp(image, torch.full((17, 23), float(shift)))
    expected = torch.roll(image, -shift, dims=2)
    open_columns = slice(23 - shift, 23) if shift > 0 else slice(0, -shift)
    assert holes.sum() == 17 * abs(shift)
    assert holes[:, open_columns].all()
    assert torch.equal(right[:, ~holes], expected[:, ~holes])


def test_constant_fractional_disparity_is_linear_interpolation():
    image = picture(17, 23, torch.float32)
    right, _ = forward_warp(image, torch.full((17, 23), 2.25))
    assert_close(right[..., :20], 0.75 * image[..., 2:22] + 0.25 * image[..., 3:23])


@pytest.mark.parametrize("gain", [-1.0, 1.0])
def test_a_ramp_up_to_the_tear_threshold_leaves_no_crack(gain):
    ramp = torch.arange(64) * TEAR_PX * 0.999
    disparity = (ramp - ramp.mean()).expand(9, 64).contiguous()
    _, holes = forward_warp(picture(9, 64), disparity, gain=gain)
    inner = holes[:, 32:33] if gain < 0 else holes
    assert not inner.any()


@pytest.mark.parametrize(("fore", "back"), [(6.0, 1.0), (-1.0, -6.0), (2.0, -3.0)])
def test_the_nearer_surface_wins_whatever_the_sign(fore, back):
    image = torch.zeros(3, 9, 64, dtype=torch.uint8)
    image[:, :, 20:40] = 200
    disparity = steps(9, 64, fore, back, 20, 40)
    for gain, shift in ((-1.0, -fore), (1.0, fore)):
        view, _ = forward_warp(image, disparity, gain=gain)
        left = int(20 + shift)
        assert (view[:, :, left : left + 20] == 200).all()
        assert (view == 200).sum() == 3 * 9 * 20


@pytest.mark.parametrize("fore", [5.0, 4.3, 7.8])
def test_a_hole_is_as_wide_as_the_disparity_step_and_on_the_far_side(fore):
    disparity = steps(9, 64, fore, 0.0, 20, 40)
    _, holes = forward_warp(picture(9, 64), disparity)
    width = round(fore)
    assert holes.sum() == 9 * width
    assert holes[:, 40 - width : 40].all(), "the right eye sees past the right edge of the box"
    _, holes = forward_warp(picture(9, 64), disparity, gain=1.0)
    assert holes[:, 20 : 20 + width].all(), "the left eye sees past its left edge"


def test_left_and_right_eye_are_mirror_images(generator):
    image = picture(17, 64)
    disparity = torch.randn(17, 64, generator=generator) * 3
    right, right_holes = forward_warp(image, disparity)
    flipped = (image.flip(2).contiguous(), disparity.flip(1).contiguous())
    left, left_holes = forward_warp(*flipped, gain=1.0)
    # Half-open intervals and rounding fall on the other side in a mirror: compare off the flips.
    same = right_holes == left_holes.flip(1)
    assert same.float().mean() > 0.98
    both = same & ~right_holes
    difference = (right.int() - left.flip(2).int()).abs()[:, both]
    assert (difference <= 1).float().mean() > 0.98


def test_a_smooth_picture_mirrors_exactly():
    image = picture(17, 64, torch.float32)
    disparity = torch.linspace(-2.03, 3.01, 64).sin().expand(17, 64).contiguous() * 2
    right, right_holes = forward_warp(image, disparity)
    flipped = (image.flip(2).contiguous(), disparity.flip(1).contiguous())
    left, left_holes = forward_warp(*flipped, gain=1.0)
    assert torch.equal(right_holes, left_holes.flip(1))
    assert_close(left.flip(2), right, atol=2e-3, rtol=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("amplitude", [0.3, 2.0, 9.0])
@pytest.mark.parametrize("gain", [-1.0, 0.5, -0.37, 0.0])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_native_equals_reference_bit_for_bit(size, amplitude, gain, dtype, generator):
    image = picture(*size, dtype)
    disparity = torch.randn(size, generator=generator) * amplitude
    if native.serving(image) is None:
        pytest.skip("the native module is not built")
    view, depth = warp_with_disparity(image, disparity, gain=gain)
    gains = torch.tensor([gain])
    views, depths, _ = reference.warp_eyes(image, disparity, gains, TEAR_PX, False)
    assert torch.equal(depth, depths[0])
    assert torch.equal(view, views[0])


def test_threads_do_not_change_a_bit(generator):
    image, disparity = picture(130, 64), torch.randn(130, 64, generator=generator) * 5
    native.set_threads(1)
    alone = warp_with_disparity(image, disparity)
    native.set_threads(3)
    together = warp_with_disparity(image, disparity)
    native.set_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_disparities_that_are_not_numbers_become_holes():
    disparity = torch.zeros(3, 23)
    disparity[1, 7] = torch.nan
    disparity[2, 9] = torch.inf
    view, holes = forward_warp(picture(3, 23), disparity)
    assert holes[1, 7]
    assert not holes[0].any()
    assert (view[:, holes] == 0).all()


@pytest.mark.parametrize(
    ("image", "disparity", "error"),
    [
        (torch.zeros(3, 4, 5), torch.zeros(4, 6), ValueError),
        (torch.zeros(1, 4, 5), torch.zeros(4, 5), ValueError),
        (torch.zeros(3, 4, 5, dtype=torch.float64), torch.zeros(4, 5), TypeError),
        (torch.zeros(3, 5, 4).transpose(1, 2), torch.zeros(4, 5), ValueError),
    ],
)
def test_wrong_arguments_are_refused(image, disparity, error):
    with pytest.raises(error, match="forward_warp needs"):
        forward_warp(image, disparity)
