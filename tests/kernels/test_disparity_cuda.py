"""The CUDA form of silhouettes, executed on the CPU, against the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import disparity
from stereocast.kernels.disparity import reference
from stereocast.kernels.launch import launching
from tests.cuda_on_cpu.launcher import Emulator

LIMITS = disparity.STEP_PX, disparity.REACH, disparity.REACH_MAX_PX


def terraces(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Return soft steps of random height."""
    coarse = torch.randn(1, 1, height // 7, width // 7, generator=generator) * 9
    size = (height, width)
    return torch.nn.functional.interpolate(coarse, size, mode="bicubic")[0, 0].contiguous()


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape)


def softness(grid: Tensor) -> Tensor:
    with launching(Emulator()):
        return disparity.softness(grid)


def silhouettes(grid: Tensor, soft: Tensor, image: Tensor | None, size: tuple[int, int]) -> Tensor:
    with launching(Emulator()):
        if image is not None and tuple(grid.shape) != size:
            return disparity.joint_upsample(grid, soft, image=image)
        return disparity.sharpen(grid, soft, image=image)


@pytest.mark.parametrize("size", [(60, 90), (37, 410)])
def test_softness_equals_the_reference(size, generator):
    grid = terraces(*size, generator)
    expected = reference.softness(grid)
    assert expected > 0
    assert torch.equal(softness(grid), expected)


def test_a_flat_map_has_no_softness():
    assert softness(zeros(17, 23)) == 0


@pytest.mark.parametrize("soft", [1.0, 2.1, 5.6, 30.0])
@pytest.mark.parametrize("pictured", [True, False])
def test_sharp_silhouettes_equal_the_reference(soft, pictured, generator):
    size = 31, 283
    grid = terraces(*size, generator)
    image = torch.randint(0, 90, (3, *size), dtype=torch.uint8, generator=generator)
    image = image if pictured else None
    measured = torch.tensor([soft])
    expected = reference.silhouettes(grid, measured, image, size, limits=LIMITS)
    assert torch.equal(silhouettes(grid, measured, image, size), expected)
    assert torch.equal(expected, grid) == (soft == 1.0), "only hard depth stays as it is"


def test_upsampled_silhouettes_equal_the_reference(generator):
    grid, size = terraces(14, 35, generator), (41, 97)
    image = torch.randint(0, 90, (3, *size), dtype=torch.uint8, generator=generator)
    measured = torch.tensor([1.9])
    expected = reference.silhouettes(grid, measured, image, size, limits=LIMITS)
    assert torch.equal(silhouettes(grid, measured, image, size), expected)
