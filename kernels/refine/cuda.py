"""The launches of the CUDA form; kernel.cu says what they compute. All floats are float32."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.launch import Launcher, blocks
from stereocast.kernels.refine.reference import CELL
from stereocast.kernels.signatures import Argument

_OP = "refine"
_THREADS = 256


def picture_error(launcher: Launcher, moved: Tensor, picture: Tensor, inside: Tensor) -> Tensor:
    """Return the error [B, h, w]."""
    error = torch.empty_like(inside, dtype=torch.float32)
    _run(
        launcher,
        "stereocast_refine_picture_error",
        error.numel(),
        moved,
        picture,
        inside,
        *error.shape,
        error,
    )
    return error


def confidence(launcher: Launcher, sigma: Tensor, before: Tensor, history: Tensor) -> Tensor:
    """Return the confidence [B, h, w]."""
    out = torch.empty_like(sigma)
    _run(
        launcher,
        "stereocast_refine_confidence",
        out.numel(),
        sigma,
        before,
        history,
        out.numel(),
        out,
    )
    return out


def predict(
    launcher: Launcher, maps: tuple[Tensor, ...], frames: Tensor, gate: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Return gain and grown variance; maps: history, teacher, variance, confidence, error."""
    gain, grown = torch.empty_like(maps[0]), torch.empty_like(maps[0])
    count = gain.numel()
    area = count // len(gain)
    _run(
        launcher, "stereocast_refine_predict", count, *maps, frames, area, count, *gate, gain, grown
    )
    return gain, grown


def bound(
    launcher: Launcher, teacher: Tensor, confidence: Tensor, limits: tuple[float, float, float]
) -> Tensor:
    """Return the bound [B, h, w]."""
    out = torch.empty_like(teacher)
    _run(
        launcher,
        "stereocast_refine_bound",
        out.numel(),
        teacher,
        confidence,
        out.numel(),
        *limits,
        out,
    )
    return out


def fuse(
    launcher: Launcher, maps: tuple[Tensor, ...], correction: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return answer, variance, length, hits; maps: history, teacher, grown, gain, length, limit."""
    answer, variance, length = (torch.empty_like(maps[0]) for _ in range(3))
    hits = torch.empty_like(answer, dtype=torch.bool)
    count = answer.numel()
    area = count // len(answer)
    results = (answer, variance, length, hits)
    _run(launcher, "stereocast_refine_fuse", count, *maps, correction, area, count, *results)
    return results


def features(launcher: Launcher, maps: tuple[Tensor, ...]) -> Tensor:
    """Return [B, 9, ⌈h/4⌉, ⌈w/4⌉]; maps: teacher, history, confidence, error, length, lumas."""
    batch, height, width = maps[0].shape
    out = maps[0].new_empty(batch, 9, blocks(height, CELL), blocks(width, CELL))
    _run(launcher, "stereocast_refine_features", out.numel() // 9, *maps, batch, height, width, out)
    return out


def _run(launcher: Launcher, kernel: str, count: int, *args: Argument) -> None:
    """Give every one of `count` a thread."""
    grid = (blocks(count, _THREADS),)
    launcher.launch(_OP, kernel, grid=grid, block=(_THREADS,), args=args)
