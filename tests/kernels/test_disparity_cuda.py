"""The CUDA form of silhouettes, executed on the CPU, against the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import disparity
from stereocast.kernels.disparity import reference
from tests.cuda_on_cpu import KERNELS, run_kernel

SOURCE = KERNELS / "disparity" / "kernel.cu"
LIMITS = disparity.STEP_PX, disparity.REACH, disparity.REACH_MAX_PX


def terraces(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Return soft steps of random height."""
    coarse = torch.randn(1, 1, height // 7, width // 7, generator=generator) * 9
    size = (height, width)
    return torch.nn.functional.interpolate(coarse, size, mode="bicubic")[0, 0].contiguous()


def softness(grid: Tensor) -> Tensor:
    """Measure with the three kernels."""
    block = reference.block_cells(grid)
    rows, columns = grid.shape[0] // block, grid.shape[1] // block
    planes, widths, measured = torch.zeros(3, rows, columns), torch.zeros(rows, columns), zeros(1)
    launch = {"grid": [-(-rows * columns // 256)], "block": [256]}
    given = grid, *grid.shape, block, rows, columns, planes
    run_kernel(SOURCE, "stereocast_disparity_blocks", args=given, **launch)
    given = planes, block, rows, columns, widths
    run_kernel(SOURCE, "stereocast_disparity_widths", args=given, **launch)
    given = widths, rows * columns, measured
    run_kernel(SOURCE, "stereocast_disparity_median", grid=[1], block=[256], args=given)
    return measured


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape)


def silhouettes(grid: Tensor, soft: Tensor, image: Tensor | None, size: tuple[int, int]) -> Tensor:
    """Sharpen with the four kernels."""
    height, width = size
    step, share, limit = LIMITS
    wide, row_near, row_far, near, far, out = (zeros(*size) for _ in range(6))
    levels, is_near = torch.zeros(size, dtype=torch.int8), torch.zeros(size, dtype=torch.uint8)
    by_row = {"grid": [-(-width // 256), height], "block": [256]}
    by_tile = {"grid": [-(-width // 32), -(-height // 8)], "block": [32, 8]}
    given = grid, *grid.shape, soft, share, limit, *size, wide, row_near, row_far
    run_kernel(SOURCE, "stereocast_disparity_rows", args=given, **by_row)
    given = wide, row_near, row_far, soft, share, limit, grid.shape[1], step, *size
    given = *given, near, far, levels
    run_kernel(SOURCE, "stereocast_disparity_levels", args=given, **by_tile)
    given = near, far, levels, image, soft, share, limit, grid.shape[1], step, *size, is_near
    run_kernel(SOURCE, "stereocast_disparity_near", args=given, **by_tile)
    given = wide, near, far, is_near, soft, share, limit, grid.shape[1], step, *size, out
    run_kernel(SOURCE, "stereocast_disparity_select", args=given, **by_tile)
    return out


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
