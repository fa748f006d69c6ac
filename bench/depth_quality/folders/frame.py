"""What every reader of a folder yields."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_HALF = 0.5


@dataclass(frozen=True)
class FolderFrame:
    """A picture and what is known of it.

    rgb         u8 [3, H, W]
    depth_m     float32 [H, W], metres along the optical axis; NaN: unknown
    pose        float64 [4, 4], camera to world, camera axes right, down, forward; None: unknown
    intrinsics  float64 [3, 3], pixels of this picture, whose first pixel's centre is (½, ½)
    time_ns     since the first frame or any other fixed moment
    """

    rgb: Tensor
    depth_m: Tensor
    pose: Tensor | None
    intrinsics: Tensor
    time_ns: int


def pinhole(fx: float, fy: float, cx: float, cy: float) -> Tensor:
    """Return intrinsics from numbers that count from the centre of the first pixel."""
    rows = ((fx, 0, cx + _HALF), (0, fy, cy + _HALF), (0, 0, 1))
    return torch.tensor(rows, dtype=torch.float64)


def metres(values: Tensor, scale: float) -> Tensor:
    """Return depth from whole numbers [H, W], `scale` of them a metre; 0 becomes NaN: unknown."""
    return torch.where(values > 0, values.float() / scale, torch.nan)
