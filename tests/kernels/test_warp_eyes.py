"""Both eyes at once, and eyes of half the width: what they equal."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.raycast import gallery
from stereocast.kernels.warp import TEAR_PX, reference, warp_eyes, warp_with_disparity

SIZES = [(17, 23), (1, 1), (5, 1), (1, 2), (33, 64)]
DTYPES = [torch.uint8, torch.float32]


def scene(
    size: tuple[int, int], dtype: torch.dtype, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    image = torch.randint(0, 256, (3, *size), generator=generator).to(dtype)
    return image, torch.randn(size, generator=generator) * 3


def squeezed(view: Tensor) -> Tensor:
    """Average pairs of columns; an odd last column stands for itself."""
    wide = torch.cat([view, view[..., -1:]], -1)[..., : (view.shape[-1] + 1) // 2 * 2].int()
    return ((wide[..., 0::2] + wide[..., 1::2] + 1) >> 1).to(torch.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_two_eyes_at_once_equal_two_single_warps(size, dtype, generator):
    image, disparity = scene(size, dtype, generator)
    views, depths, holes = warp_eyes(image, disparity, torch.tensor([0.6, -0.4]))
    assert torch.equal(holes, torch.isneginf(depths))
    for eye, gain in enumerate((0.6, -0.4)):
        view, depth = warp_with_disparity(image, disparity, gain=gain)
        assert torch.equal(views[eye], view)
        assert torch.equal(depths[eye], depth)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_eye_of_gain_zero_is_the_untouched_original(dtype, generator):
    image, disparity = scene((17, 23), dtype, generator)
    disparity[3, 4], disparity[5, 6] = torch.nan, torch.inf
    views, depths, holes = warp_eyes(image, disparity, torch.tensor([0.0, -1.0]))
    assert torch.equal(views[0], image)
    assert torch.equal(depths[0].nan_to_num(), disparity.nan_to_num())
    assert not holes[0].any()
    assert holes[1].any()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("half_width", [False, True])
@pytest.mark.parametrize("amplitude", [0.3, 9.0])
def test_native_equals_reference_bit_for_bit(size, dtype, half_width, amplitude, generator):
    image, disparity = scene(size, dtype, generator)
    if native.serving(image) is None:
        pytest.skip("the native module is not built")
    disparity *= amplitude / 3
    gains = torch.tensor([1.0, 0.37, 0.0, -0.5])
    results = warp_eyes(image, disparity, gains, half_width=half_width)
    expected = reference.warp_eyes(image, disparity, gains, TEAR_PX, half_width)
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))


@pytest.mark.parametrize("half_width", [False, True])
def test_threads_do_not_change_a_bit(half_width, generator):
    image, disparity = scene((130, 64), torch.uint8, generator)
    gains = torch.tensor([0.5, -0.5])
    native.set_threads(1)
    alone = warp_eyes(image, disparity, gains, half_width=half_width)
    native.set_threads(3)
    together = warp_eyes(image, disparity, gains, half_width=half_width)
    native.set_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("width", [22, 23])
def test_half_width_of_the_original_is_the_mean_of_its_pairs(width, generator):
    image, disparity = scene((17, width), torch.uint8, generator)
    views, _, _ = warp_eyes(image, disparity, torch.tensor([0.0]), half_width=True)
    assert torch.equal(views[0], squeezed(image))


@pytest.mark.parametrize("shift", [4.0, 3.0, -6.0, 2.5])
def test_half_width_at_constant_disparity_is_a_warp_and_then_a_squeeze(shift, generator):
    image, _ = scene((17, 64), torch.float32, generator)
    disparity = torch.full((17, 64), shift)
    gains = torch.tensor([-1.0])
    (view,), (depth,), _ = warp_eyes(image, disparity, gains, half_width=True)
    (full,), _, _ = warp_eyes(image, disparity, gains)
    expected = (full[..., 0::2] + full[..., 1::2]) / 2
    inner = slice(5, 27)
    torch.testing.assert_close(view[..., inner], expected[..., inner])
    assert (depth[:, inner] == shift / 2).all(), "disparity is in pixels of the view"


def test_half_width_of_a_scene_is_close_to_a_warp_and_then_a_squeeze():
    camera = gallery.camera_at(3.1, height=90, width=320)
    made = gallery.scene_at(3.1, gallery.paint(64))
    picture, _, disparity = gallery.stereo_pair(made, camera, height=90, width=320)
    gains = torch.tensor([0.5, -0.5])
    views, _, holes = warp_eyes(picture, disparity, gains, half_width=True)
    full, _, full_holes = warp_eyes(picture, disparity, gains)
    seen = ~(full_holes[..., 0::2] | full_holes[..., 1::2] | holes)
    error = (views.float() - squeezed(full).float()).square().mean(1)[seen].mean()
    assert 10 * math.log10(255**2 / float(error)) > 35
    assert seen.float().mean() > 0.9


def test_gains_must_be_one_number_per_eye(generator):
    image, disparity = scene((5, 7), torch.uint8, generator)
    with pytest.raises(ValueError, match="warp_eyes needs gains"):
        warp_eyes(image, disparity, torch.tensor(0.5))
    with pytest.raises(ValueError, match="warp_eyes needs gains"):
        warp_eyes(image, disparity, torch.tensor([1, 0]))
