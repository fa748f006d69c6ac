"""The launches of the CUDA form; kernel.cu says what they compute."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.launch import TILE, Launcher, blocks, tiles

_OP = "disparity"
_THREADS = 256


def softness(launcher: Launcher, disparity: Tensor, block: int) -> Tensor:
    """Return softness float32 [1]; `block` from `reference.block_cells`."""
    height, width = disparity.shape
    rows, columns = height // block, width // block
    count = rows * columns
    planes = disparity.new_empty(3, rows, columns)
    widths = disparity.new_empty(rows, columns)
    measured = disparity.new_empty(1)
    grid, threads = (max(1, blocks(count, _THREADS)),), (_THREADS,)
    launcher.launch(
        _OP, "stereocast_disparity_blocks", grid=grid, block=threads,
        args=(disparity, height, width, block, rows, columns, planes),
    )  # fmt: skip
    launcher.launch(
        _OP, "stereocast_disparity_widths", grid=grid, block=threads,
        args=(planes, block, rows, columns, widths),
    )  # fmt: skip
    launcher.launch(
        _OP, "stereocast_disparity_median", grid=(1,), block=threads,
        args=(widths, count, measured),
    )  # fmt: skip
    return measured


def silhouettes(
    launcher: Launcher, disparity: Tensor, softness: Tensor, image: Tensor | None,
    size: tuple[int, int], *, limits: tuple[float, float, int],
) -> Tensor:  # fmt: skip
    """Return the sharpened disparity [H, W]; `limits` are step, reach and most reach."""
    (height, width), (down, across), (step, share, most) = size, disparity.shape, limits
    wide, row_near, row_far, near, far, out = (disparity.new_empty(size) for _ in range(6))
    levels = disparity.new_empty(size, dtype=torch.int8)
    is_near = disparity.new_empty(size, dtype=torch.uint8)
    reach, grid = (softness, share, most), tiles(height, width)
    launcher.launch(
        _OP, "stereocast_disparity_rows", grid=(blocks(width, _THREADS), height), block=(_THREADS,),
        args=(disparity, down, across, *reach, height, width, wide, row_near, row_far),
    )  # fmt: skip
    launcher.launch(
        _OP, "stereocast_disparity_levels", grid=grid, block=TILE,
        args=(wide, row_near, row_far, *reach, across, step, height, width, near, far, levels),
    )  # fmt: skip
    launcher.launch(
        _OP, "stereocast_disparity_near", grid=grid, block=TILE,
        args=(near, far, levels, image, *reach, across, step, height, width, is_near),
    )  # fmt: skip
    launcher.launch(
        _OP, "stereocast_disparity_select", grid=grid, block=TILE,
        args=(wide, near, far, is_near, *reach, across, step, height, width, out),
    )  # fmt: skip
    return out
