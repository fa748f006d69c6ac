"""The launches of the CUDA form; kernel.cu says what they compute. Planes change in place."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.launch import Launcher, blocks

_OP = "memory"
_THREADS = 256

Planes = tuple[Tensor, Tensor, Tensor, Tensor]
"""Colour, disparity, age and steady of a plate."""


def remember(
    launcher: Launcher, planes: Planes, mismatch: Tensor, seen: tuple[Tensor, Tensor],
    where: Tensor, *, limits: tuple[float, int],
) -> Tensor:  # fmt: skip
    """Return the new mismatch of the tiles.

    seen    picture and disparity
    where   int32 [6]: origin and shift, x and y each, trust, slack
    limits  tolerance, px, and age, frames
    """
    height, width = seen[1].shape
    tolerance, age_limit = limits
    new = torch.empty_like(mismatch)
    down, across = mismatch.shape
    launcher.launch(
        _OP, "stereocast_memory_remember", grid=(across, down), block=(16, 16),
        args=(*seen, where, height, width, tolerance, age_limit, *planes, mismatch, new),
    )  # fmt: skip
    return new


def recall(
    launcher: Launcher, planes: Planes, mismatch: Tensor, eye: tuple[Tensor, Tensor],
    view: tuple[Tensor, Tensor], *, tolerance: float,
) -> None:  # fmt: skip
    """Put what is remembered into the holes of `view`, a picture and its disparity.

    eye  origin int32 [2] and gain float32 [1]
    """
    height, width = view[1].shape
    launcher.launch(
        _OP, "stereocast_memory_recall", grid=(height,), block=(_THREADS,), shared_bytes=4 * width,
        args=(*planes, mismatch, *eye, height, width, tolerance, *view),
    )  # fmt: skip


def settle(
    launcher: Launcher, view: Tensor, holes: Tensor, resting: Tensor, kept: tuple[Tensor, Tensor]
) -> None:
    """Calm what was filled; `kept` are the colours and holes of the fill before."""
    area = holes.numel()
    launcher.launch(
        _OP, "stereocast_memory_settle", grid=(blocks(area, _THREADS),), block=(_THREADS,),
        args=(view, holes, resting, area, *kept),
    )  # fmt: skip
