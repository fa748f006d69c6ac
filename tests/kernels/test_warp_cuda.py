"""The CUDA warp, run on the CPU by the emulator: the same bits as the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import stereocast.kernels.warp as warp
from stereocast.kernels.launch import launching
from tests.cuda_on_cpu.launcher import Emulator


def emulated(image: Tensor, disparity: Tensor, gains: Tensor, half: bool) -> tuple[Tensor, ...]:
    with launching(Emulator()):
        return warp.warp_eyes(image, disparity, gains, half_width=half)


@pytest.mark.parametrize(("size", "amplitude"), [((5, 37), 0.4), ((3, 300), 6.0), ((2, 1), 2.0)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("half", [False, True])
def test_the_cuda_kernel_equals_the_reference(size, amplitude, dtype, half, generator):
    image = torch.randint(0, 256, (3, *size), generator=generator).to(dtype)
    disparity = torch.randn(size, generator=generator) * amplitude
    gains = torch.tensor([0.4, -0.6, 0.0])
    results = emulated(image, disparity, gains, half)
    expected = warp.reference.warp_eyes(image, disparity, gains, warp.TEAR_PX, half)
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))


def test_a_row_of_4k_fits_into_shared_memory(generator):
    image = torch.randint(0, 256, (3, 1, 3840), dtype=torch.uint8, generator=generator)
    disparity = torch.randn(1, 3840, generator=generator) * 20
    gains = torch.tensor([-1.0])
    assert 8 * 3840 <= 48 << 10
    views, _, _ = emulated(image, disparity, gains, False)
    assert torch.equal(views, warp.warp_eyes(image, disparity, gains)[0])


def test_disparities_that_are_not_numbers_become_holes():
    image = torch.full((3, 2, 23), 9, dtype=torch.uint8)
    disparity = torch.zeros(2, 23)
    disparity[0, 7], disparity[1, 9] = torch.nan, torch.inf
    gains = torch.tensor([-1.0])
    results = emulated(image, disparity, gains, False)
    expected = warp.warp_eyes(image, disparity, gains)
    assert results[2][0, 0, 7]
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))
