"""Few pixels that stand for a map: the same number of them, whatever the map's size.

States that keep such samples have one shape for every grid.
"""

from __future__ import annotations

import torch
from torch import Tensor


def middles(count: int) -> Tensor:
    """Return the middles of `count` equal parts of 0..1, float32 [count]."""
    return (torch.arange(count) + 0.5) / count


def pick(field: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return field [h, w] at rows × columns, given as shares 0..1 of its height and width."""
    height, width = field.shape
    row = (rows * height).long().clamp_(0, height - 1)
    column = (columns * width).long().clamp_(0, width - 1)
    return field.index_select(0, row).index_select(1, column)
