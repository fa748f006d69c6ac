"""The launches of the CUDA form; kernel.cu says what they compute. Views are filled in place."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.fill.reference import Settings
from stereocast.kernels.launch import TILE, Launcher, tiles

_OP = "fill"
_THREADS = 256


def fill_from_row(
    launcher: Launcher, view: Tensor, holes: Tensor, disparity: Tensor, narrow_px: int
) -> None:
    """Fill by level 1."""
    height, width = holes.shape
    launcher.launch(
        _OP, f"stereocast_fill_row_{_kind(view)}", grid=(height,), block=(_THREADS,),
        args=(view, holes, disparity, narrow_px, width),
    )  # fmt: skip


def fill_from_around(
    launcher: Launcher, view: Tensor, holes: Tensor, disparity: Tensor, settings: Settings
) -> None:
    """Fill by level 2: up the pyramid, down again, then the holes themselves."""
    height, width = holes.shape
    sizes = [(height, width)]
    for _ in range(settings.levels):
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    cells = [disparity.new_empty(*size, 4) for size in sizes[1:]]

    def launch(name: str, size: tuple[int, int], *args: Tensor | int | float) -> None:
        launcher.launch(_OP, name, grid=tiles(*size), block=TILE, args=args)

    launch(
        f"stereocast_fill_pull_pixels_{_kind(view)}", sizes[1],
        view, holes, disparity, settings.rate, height, width, cells[0],
    )  # fmt: skip
    for n in range(1, settings.levels):
        launch("stereocast_fill_pull_cells", sizes[n + 1], cells[n - 1], *sizes[n], cells[n])
    for n in range(settings.levels - 1, 0, -1):
        launch(
            "stereocast_fill_push_cells", sizes[n],
            cells[n], settings.persistence, *sizes[n], cells[n - 1],
        )  # fmt: skip
    launcher.launch(
        _OP, f"stereocast_fill_finish_{_kind(view)}", grid=(height,), block=(_THREADS,),
        args=(view, holes, disparity, cells[0], settings.narrow_px, settings.row_share,
              settings.feather, width),
    )  # fmt: skip


def _kind(view: Tensor) -> str:
    return "u8" if view.dtype == torch.uint8 else "f32"
