"""The CUDA fills, run on the CPU by the emulator: the same bits as the reference."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import stereocast.kernels.fill as fill
from tests.cuda_on_cpu import run_kernel

SOURCE = Path(fill.__file__).parent / "kernel.cu"
ROW = {torch.uint8: "stereocast_fill_row_u8", torch.float32: "stereocast_fill_row_f32"}
PULL_PIXELS = {
    torch.uint8: "stereocast_fill_pull_pixels_u8",
    torch.float32: "stereocast_fill_pull_pixels_f32",
}
PULL_CELLS, PUSH_CELLS = "stereocast_fill_pull_cells", "stereocast_fill_push_cells"
FINISH = {torch.uint8: "stereocast_fill_finish_u8", torch.float32: "stereocast_fill_finish_f32"}
CASES = [((9, 37), 0.4), ((5, 300), 0.2), ((3, 5), 0.9), ((1, 1), 1.0)]


def case(
    size: tuple[int, int], share: float, dtype: torch.dtype, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    view = torch.randint(0, 256, (3, *size), generator=generator).to(dtype)
    holes = torch.rand(size, generator=generator) < share
    holes[:, 3:9] = True
    return view, holes, torch.randint(-3, 3, size, generator=generator) * 1.7


def covering(cells: Tensor) -> tuple[int, int]:
    return -(-cells.shape[1] // 32), -(-cells.shape[0] // 8)


def around(view: Tensor, holes: Tensor, disparity: Tensor) -> Tensor:
    """Level 2 as a program launches it, in place."""
    settings = fill.settings_for(view.shape[2])
    height, width = holes.shape
    sizes = [(height, width)]
    for _ in range(settings.levels):
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    pyramid = [torch.zeros(*size, 4) for size in sizes]

    def launch(name: str, cells: Tensor, *args: Tensor | int | float) -> None:
        run_kernel(SOURCE, name, grid=covering(cells), block=(32, 8), args=[*args, cells])

    launch(
        PULL_PIXELS[view.dtype],
        pyramid[1],
        *(view, holes, disparity, settings.rate, height, width),
    )
    for n in range(1, settings.levels):
        launch(PULL_CELLS, pyramid[n + 1], pyramid[n], *sizes[n])
    for n in range(settings.levels - 1, 0, -1):
        launch(PUSH_CELLS, pyramid[n], pyramid[n + 1], settings.persistence, *sizes[n])
    run_kernel(
        SOURCE,
        FINISH[view.dtype],
        grid=(height,),
        block=(256,),
        args=[
            *(view, holes, disparity, pyramid[1]),
            *(settings.narrow_px, settings.row_share, settings.feather, width),
        ],
    )
    return view


@pytest.mark.parametrize(("size", "share"), CASES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_level_one_equals_the_reference(size, share, dtype, generator):
    view, holes, disparity = case(size, share, dtype, generator)
    expected = fill.reference.fill_from_row(view, holes, disparity, fill.NARROW_PX)
    run_kernel(
        SOURCE,
        ROW[view.dtype],
        grid=(size[0],),
        block=(256,),
        args=[view, holes, disparity, fill.NARROW_PX, size[1]],
    )
    assert torch.equal(view, expected)


@pytest.mark.parametrize(("size", "share"), CASES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_level_two_equals_the_reference(size, share, dtype, generator):
    view, holes, disparity = case(size, share, dtype, generator)
    settings = fill.settings_for(size[1])
    expected = fill.reference.fill_from_around(view, holes, disparity, settings)
    assert torch.equal(around(view.clone(), holes, disparity), expected)
