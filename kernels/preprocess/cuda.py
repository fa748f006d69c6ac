"""The launches of the CUDA form; kernel.cu says what they compute."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.launch import TILE, Launcher, tiles
from stereocast.kernels.preprocess.colour import FixedPoint

_OP = "preprocess"


def yuv_to_rgb(launcher: Launcher, y: Tensor, u: Tensor, v: Tensor, fixed: FixedPoint) -> Tensor:
    """Return R'G'B' u8 [3, H, W]; planes may be padded, and chroma interleaved."""
    height, width = y.shape
    u_steps, v_steps = _steps(u), _steps(v)
    if u_steps != v_steps or _steps(y)[1] != 1:
        raise ValueError(
            "yuv_to_rgb needs luma samples side by side and both chroma planes laid out alike, "
            f"got strides {y.stride()}, {u.stride()} and {v.stride()}"
        )
    rgb = torch.empty((3, height, width), dtype=torch.uint8, device=y.device)
    kind = "u8" if y.dtype == torch.uint8 else "u16"
    launcher.launch(
        _OP, f"stereocast_preprocess_yuv_{kind}", grid=tiles(height, width), block=TILE,
        args=(_memory(y), _memory(u), _memory(v), _steps(y)[0], *u_steps,
              int(u.shape[0] != height), int(u.shape[1] != width), *fixed, height, width, rgb),
    )  # fmt: skip
    return rgb


def to_network(launcher: Launcher, rgb: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the area average float32 [3, h, w]."""
    _, height, width = rgb.shape
    cells = rgb.new_empty(3, *size, dtype=torch.float32)
    launcher.launch(
        _OP, "stereocast_preprocess_network", grid=(*tiles(*size), 3), block=TILE,
        args=(rgb, height, width, *size, cells),
    )  # fmt: skip
    return cells


def _steps(plane: Tensor) -> tuple[int, int]:
    """Return how many samples a row and a column are apart."""
    row, column = plane.stride()
    return row, 1 if plane.shape[1] == 1 else column


def _memory(plane: Tensor) -> Tensor:
    """Return all memory from the first to the last sample as one line, gaps included."""
    length = 1 + sum((n - 1) * step for n, step in zip(plane.shape, _steps(plane), strict=True))
    return plane.as_strided((length,), (1,))
