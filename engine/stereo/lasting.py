"""What a measurement has been for a while: the median of the last frames.

Of 9 frames, 4 may be outliers, at each end, and nothing comes through.
"""

from __future__ import annotations

import torch
from torch import Tensor

MEMORY = 9
"""Frames that are remembered."""


def fresh(width: int) -> Tensor:
    """Return the memory of `width` measurements before the first frame, float32 [9, width]."""
    return torch.zeros(MEMORY, width)


def remember(recent: Tensor, measured: Tensor, frames: Tensor) -> Tensor:
    """Return the memory with `measured` [width] in it, seen after `frames` int64 [1] others."""
    slot = torch.arange(MEMORY)[:, None] == frames % MEMORY
    return torch.where(slot, measured, recent)


def median(recent: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lower and the upper median of a memory, [width] each; they may be one.

    frames  int64 [1], how many have been remembered, 1 or more
    """
    count = frames.clamp_max(MEMORY)
    unseen = torch.arange(MEMORY)[:, None] >= count
    ordered = recent.masked_fill(unseen, torch.inf).sort(dim=0).values
    lower = ordered.index_select(0, (count - 1) // 2)[0]
    return lower, ordered.index_select(0, count // 2)[0]
