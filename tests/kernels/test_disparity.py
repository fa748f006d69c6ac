"""Silhouettes: what must hold for any map, on the native kernel and on the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from stereocast.kernels import disparity, native
from stereocast.kernels.disparity import joint_upsample, reference, sharpen, softness
from stereocast.training.scenes.degraded import blurred

LIMITS = disparity.STEP_PX, disparity.REACH, disparity.REACH_MAX_PX
FAR, NEAR = -4.0, 8.0


def disc(height: int = 61, width: int = 83, radius: float = 17.3) -> Tensor:
    """Return a near disc before a far wall."""
    y, x = torch.meshgrid(torch.arange(height) + 0.0, torch.arange(width) + 0.0, indexing="ij")
    inside = (y - height / 2).square() + (x - width / 2).square() < radius**2
    return torch.where(inside, NEAR, FAR)


def painted(near: Tensor) -> Tensor:
    """Return a picture in which near things are orange and far ones blue."""
    orange, blue = torch.tensor([230, 140, 30]), torch.tensor([40, 60, 160])
    colours = torch.where(near[None], orange[:, None, None], blue[:, None, None])
    return colours.to(torch.uint8).contiguous()


def terraces(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Return soft steps of random height."""
    coarse = torch.randn(1, 1, -(-height // 6), -(-width // 6), generator=generator) * 9
    return interpolate(coarse, (height, width), mode="bicubic")[0, 0].contiguous()


def on_reference(grid: Tensor, soft: Tensor, image: Tensor | None, size: tuple[int, int]) -> Tensor:
    return reference.silhouettes(grid, soft, image, size, limits=LIMITS)


def widened(exact: Tensor) -> Tensor:
    """The near side a pixel wider to the left and right."""
    return max_pool2d(exact[None], (1, 3), 1, (0, 1))[0]


@pytest.mark.parametrize("sigma_px", [1.0, 1.5, 2.0, 3.0])
def test_softness_is_two_and_a_half_sigma(sigma_px):
    soft = softness(blurred(disc(180, 240, 60.5), sigma_px))
    assert soft == pytest.approx(2.5 * sigma_px, rel=0.12)


def test_softness_does_not_depend_on_the_scale_of_disparity():
    soft = blurred(disc(), 1.5)
    assert softness(soft) > 3
    assert torch.allclose(softness(soft), softness(2 * soft))


def test_hard_edges_are_hard():
    assert softness(disc()) == 1


def test_slopes_are_no_silhouettes():
    assert softness(torch.linspace(0, 90, 83).expand(61, 83).contiguous()) == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (7, 9)])
def test_maps_too_small_to_tell_have_no_softness(size, generator):
    assert softness(torch.randn(size, generator=generator) * 50) == 0


def test_hard_depth_passes_bit_for_bit(generator):
    exact = disc() + torch.linspace(0, 3, 83)
    image = torch.randint(0, 256, (3, 61, 83), dtype=torch.uint8, generator=generator)
    assert torch.equal(sharpen(exact, softness(exact), image=image), exact)


def test_depth_without_steps_passes_bit_for_bit(generator):
    gentle = 0.02 * terraces(61, 83, generator) + torch.linspace(0, 9, 83)
    assert gentle.amax() - gentle.amin() > 3 * disparity.STEP_PX, (
        "over the whole map it does differ"
    )
    image = torch.randint(0, 256, (3, 61, 83), dtype=torch.uint8, generator=generator)
    assert torch.equal(sharpen(gentle, torch.tensor([2.0]), image=image), gentle)


@pytest.mark.parametrize("sigma_px", [1.0, 1.5, 2.5])
def test_a_blurred_edge_comes_back_with_the_near_side_a_pixel_wider(sigma_px):
    exact = widened(disc())
    soft = blurred(disc(), sigma_px)
    sharp = sharpen(soft, softness(soft))
    wrong = (sharp - exact).abs() > 1
    assert wrong.float().mean() < 0.01
    assert wrong.sum() < 0.2 * ((soft - exact).abs() > 1).sum()


def test_nothing_lies_between_two_surfaces():
    soft = blurred(disc(), 1.5)
    sharp = sharpen(soft, softness(soft), image=painted(disc() == NEAR))
    assert ((sharp - FAR).abs().minimum((sharp - NEAR).abs()) < 0.5).all()


def test_the_picture_says_where_the_edge_is():
    exact = disc()
    shifted = blurred(exact, 2.0).roll(1, dims=1)  # depth that is a pixel off
    blind = sharpen(shifted, softness(shifted))
    seeing = sharpen(shifted, softness(shifted), image=painted(exact == NEAR))
    errors = [((sharp - widened(exact)).abs() > 1).sum() for sharp in (blind, seeing)]
    assert errors[1] < 0.3 * errors[0]


def test_a_picture_of_one_colour_changes_little():
    soft = blurred(disc(), 1.5)
    plain = torch.full((3, 61, 83), 77, dtype=torch.uint8)
    blind, seeing = sharpen(soft, softness(soft)), sharpen(soft, softness(soft), image=plain)
    assert (blind != seeing).float().mean() < 0.02


def test_a_coarse_grid_gets_the_edges_of_the_picture():
    exact = disc(120, 160, 37.3)
    grid = interpolate(exact[None, None], (24, 32), mode="area")[0, 0].contiguous()
    sharp = joint_upsample(grid, softness(grid), image=painted(exact == NEAR))
    plain = reference.upsample(grid, (120, 160))
    wrong, unsharp = ((d - exact).abs() > 1 for d in (sharp, plain))
    assert wrong.float().mean() < 0.01
    assert unsharp.float().mean() > 0.05


def test_flat_grids_are_interpolated_bilinearly(generator):
    gentle = 0.05 * terraces(12, 17, generator)
    image = torch.randint(0, 256, (3, 41, 59), dtype=torch.uint8, generator=generator)
    upsampled = joint_upsample(gentle, softness(gentle), image=image)
    expected = interpolate(gentle[None, None], (41, 59), mode="bilinear", align_corners=False)
    assert torch.allclose(upsampled, expected[0, 0], atol=1e-5)


def test_mirrored_pictures_give_mirrored_silhouettes(generator):
    soft = terraces(31, 47, generator)
    image = torch.randint(0, 99, (3, 31, 47), dtype=torch.uint8, generator=generator)
    measured = torch.tensor([3.0])
    sharp = sharpen(soft, measured, image=image)
    mirrored = sharpen(soft.flip(1).contiguous(), measured, image=image.flip(2).contiguous())
    assert torch.equal(sharp, mirrored.flip(1))


def test_a_black_bar_stays_where_the_picture_ends():
    exact = torch.full((72, 90), 6.0)
    exact[:12], exact[-12:] = FAR, FAR
    soft = blurred(exact, 2.0)
    image = torch.zeros(3, 72, 90, dtype=torch.uint8)
    image[:, 12:-12] = 140
    assert torch.allclose(sharpen(soft, softness(soft), image=image), exact, atol=0.6)


@pytest.mark.parametrize(("grid", "size"), [
    ((17, 23), (17, 23)), ((151, 263), (151, 263)), ((9, 14), (61, 83)), ((30, 50), (29, 97)),
    ((1, 1), (5, 7)), ((200, 33), (200, 33)),
])  # fmt: skip
@pytest.mark.parametrize("soft", [0.0, 1.0, 2.1, 7.5, 40.0])
def test_native_equals_the_reference(grid, size, soft, generator):
    if native.serving(torch.zeros(1)) is None:
        pytest.skip("the native kernels were not built")
    soft_map, measured = terraces(*grid, generator), torch.tensor([soft])
    image = torch.randint(0, 99, (3, *size), dtype=torch.uint8, generator=generator)
    sharp = joint_upsample(soft_map, measured, image=image)
    assert torch.equal(sharp, on_reference(soft_map, measured, image, size))
    assert torch.equal(softness(soft_map), reference.softness(soft_map))
    if grid == size:
        blind = sharpen(soft_map, measured)
        assert torch.equal(blind, on_reference(soft_map, measured, None, size))


def test_the_number_of_threads_changes_nothing(generator):
    soft = terraces(210, 90, generator)
    image = torch.randint(0, 99, (3, 210, 90), dtype=torch.uint8, generator=generator)
    results = []
    for count in (1, 2, 3):
        native.set_threads(count)
        results.append(sharpen(soft, torch.tensor([9.0]), image=image))
    native.set_threads(1)
    assert all(torch.equal(results[0], result) for result in results[1:])


def test_what_does_not_fit_is_refused():
    soft, image = torch.zeros(9, 11), torch.zeros(3, 18, 22, dtype=torch.uint8)
    with pytest.raises(ValueError, match="as large as the disparity"):
        sharpen(soft, torch.ones(1), image=image)
    with pytest.raises(ValueError, match=r"softness must be float32 \[1\]"):
        sharpen(soft, torch.ones(2))
    with pytest.raises(TypeError, match="float32 disparity and a uint8 image"):
        joint_upsample(soft, torch.ones(1), image=image.float())
    with pytest.raises(ValueError, match=r"call \.contiguous"):
        softness(torch.zeros(9, 11).T)
