"""What can be said of a frame's depth in a few numbers, and a picture of it small enough to send.

Pure functions on tensors; the session reads the numbers, once per frame.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

THUMBNAIL_SIDE = 640
THUMBNAIL_CELLS = 640 * 360
"""A thumbnail is never wider or higher than the side, nor larger than this many cells."""

_LOW, _HIGH = 0.01, 0.99
_SAMPLES = 2304  # a percentile needs no more


def depth_ends(inverse: Tensor) -> Tensor:
    """Return the far and near end of inverse depth [h, w], percentiles 1 and 99, as float32 [2]."""
    stride = math.ceil(math.sqrt(inverse.numel() / _SAMPLES))
    values = inverse[::stride, ::stride].flatten().sort().values
    last = values.numel() - 1
    return torch.stack((values[round(_LOW * last)], values[round(_HIGH * last)]))


def thumbnail(inverse: Tensor, ends: Tensor) -> Tensor:
    """Return inverse depth float32 [h, w] as a grey picture, u8, far 0 to near 255.

    ends  float32 [2], far and near; what lies beyond them is cut off, and flat depth is mid grey

    Every n-th cell is taken, n being the smallest that keeps to the limits above.
    """
    rows, columns = inverse.shape
    stride = 1
    while (
        max(-(-rows // stride), -(-columns // stride)) > THUMBNAIL_SIDE
        or -(-rows // stride) * -(-columns // stride) > THUMBNAIL_CELLS
    ):
        stride += 1
    middle, span = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]).clamp_min(1e-6)
    nearness = (inverse[::stride, ::stride] - middle) / span + 0.5
    return (nearness.clamp(0, 1) * 255).round().to(torch.uint8)
