"""The launches of the CUDA form; kernel.cu says what they compute."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.launch import Launcher, blocks
from stereocast.kernels.signatures import Argument

_OP = "flow"
_THREADS = 256
_SEARCH_THREADS = 64  # share the displacements of one pixel


def block_matching(launcher: Launcher, previous: Tensor, current: Tensor, gate: int) -> Tensor:
    """Return flow float32 [2, ⌈h/2⌉, ⌈w/2⌉]; `gate` from `reference.gate_levels`."""
    before, now = _pyramid(launcher, previous), _pyramid(launcher, current)
    quarter, half, cells = (
        now[n].new_empty(*now[n].shape, 2, dtype=torch.int32) for n in (2, 1, 1)
    )
    launcher.launch(
        _OP, "stereocast_flow_search", grid=(now[2].numel(),), block=(_SEARCH_THREADS,),
        args=(before[2], now[2], *now[2].shape, quarter),
    )  # fmt: skip
    for level, stride, above, ratio, finish, field in (
        (1, 1, quarter, 2, 0, half),
        (0, 2, half, 1, 1, cells),
    ):
        _run(
            launcher, "stereocast_flow_refine", field.numel() // 2,
            before[level], now[level], *now[level].shape, stride, above, *above.shape[:2], ratio,
            finish, field,
        )  # fmt: skip
    down, across, _ = cells.shape
    count = down * across
    excess = cells.new_empty(down, across)
    resting = now[0].new_empty(down, across)
    flow = now[0].new_empty(2, down, across, dtype=torch.float32)
    size = now[0].shape
    _run(launcher, "stereocast_flow_errors", count, before[0], now[0], *size, cells, excess)
    _run(launcher, "stereocast_flow_rest", count, excess, down, across, gate, resting)
    _run(launcher, "stereocast_flow_write", count, cells, resting, down, across, flow)
    return flow


def reproject(
    launcher: Launcher, values: Tensor, flow: Tensor, scale: int
) -> tuple[Tensor, Tensor]:
    """Return the moved values and where they came from inside the frame."""
    channels, height, width = values.shape
    moved = torch.empty_like(values)
    inside = values.new_empty(height, width, dtype=torch.bool)
    kind = "u8" if values.dtype == torch.uint8 else "f32"
    _run(
        launcher, f"stereocast_flow_reproject_{kind}", height * width,
        values, flow, channels, height, width, scale, moved, inside,
    )  # fmt: skip
    return moved, inside


def shrink(launcher: Launcher, picture: Tensor, factor: int) -> Tensor:
    """Return grey means of squares, u8 [1, H // factor, W // factor]."""
    _, height, width = picture.shape
    small = picture.new_empty(1, height // factor, width // factor)
    _run(launcher, "stereocast_flow_shrink", small.numel(), picture, height, width, factor, small)
    return small


def _pyramid(launcher: Launcher, picture: Tensor) -> list[Tensor]:
    """Return grey at full, half and quarter size."""
    channels, height, width = picture.shape
    levels = [picture.new_empty(height, width, dtype=torch.uint8)]
    kind = "u8" if picture.dtype == torch.uint8 else "f32"
    area = height * width
    _run(launcher, f"stereocast_flow_grey_{kind}", area, picture, channels, area, levels[0])
    for _ in range(2):
        full = levels[-1]
        half = full.new_empty((full.shape[0] + 1) // 2, (full.shape[1] + 1) // 2)
        _run(launcher, "stereocast_flow_halve", half.numel(), full, *full.shape, half)
        levels.append(half)
    return levels


def _run(launcher: Launcher, kernel: str, count: int, *args: Argument) -> None:
    """Give every one of `count` a thread."""
    grid = (blocks(count, _THREADS),)
    launcher.launch(_OP, kernel, grid=grid, block=(_THREADS,), args=args)
