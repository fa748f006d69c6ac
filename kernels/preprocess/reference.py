"""Decoded pictures to RGB and to the input of a network, in plain torch, written to be read.

These functions are the definition; cpu.cpp returns the same bits. Arguments arrive checked.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stereocast.kernels.preprocess.colour import FixedPoint, Scale


def _at_full_size(chroma: Tensor, height: int, width: int) -> Tensor:
    """Repeat every chroma sample over the luma samples that share it."""
    rows = 1 if chroma.shape[0] == height else 2
    columns = 1 if chroma.shape[1] == width else 2
    repeated = chroma.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    return repeated[:height, :width]


def yuv_to_rgb(y: Tensor, u: Tensor, v: Tensor, fixed: FixedPoint) -> Tensor:
    """Compute R'G'B' [3, H, W] uint8 in 32-bit integers; the shift rounds half up."""
    height, width = y.shape
    luma = fixed.luma * (y.to(torch.int32) - fixed.luma_offset) + (1 << (fixed.shift - 1))
    cb = _at_full_size(u.to(torch.int32), height, width) - fixed.chroma_offset
    cr = _at_full_size(v.to(torch.int32), height, width) - fixed.chroma_offset
    red = luma + fixed.red_v * cr
    green = luma + fixed.green_u * cb + fixed.green_v * cr
    blue = luma + fixed.blue_u * cb
    levels = torch.stack((red, green, blue)) >> fixed.shift
    return levels.clamp(0, 255).to(torch.uint8)


def yuv_to_signal(y: Tensor, u: Tensor, v: Tensor, scale: Scale) -> Tensor:
    """Compute R'G'B' [3, H, W] float32 in [0, 1], without rounding to levels."""
    height, width = y.shape
    luma = scale.luma * (y.to(torch.float32) - scale.luma_offset)
    cb = _at_full_size(u.to(torch.float32), height, width) - scale.chroma_offset
    cr = _at_full_size(v.to(torch.float32), height, width) - scale.chroma_offset
    red = luma + scale.red_v * cr
    green = luma + scale.green_u * cb + scale.green_v * cr
    blue = luma + scale.blue_u * cb
    return torch.stack((red, green, blue)).clamp(0.0, 1.0)


def _overlaps(source: int, target: int) -> Tensor:
    """Return how much of each source sample each target sample covers, [target, source].

    Both lines are cut into source * target equal parts: a source sample is `target` parts long and
    a target sample `source` parts, so every overlap is a whole number.
    """
    begin = torch.arange(target).unsqueeze(1) * source
    left = torch.arange(source).unsqueeze(0) * target
    overlap = torch.minimum(begin + source, left + target) - torch.maximum(begin, left)
    return overlap.clamp_min(0).to(torch.float64)


def to_network(rgb: Tensor, size: tuple[int, int]) -> Tensor:
    """Average areas: whole numbers in float64, hence exact, then one multiplication."""
    height, width = rgb.shape[1:]
    rows = _overlaps(height, size[0])
    columns = _overlaps(width, size[1])
    sums = rows @ rgb.to(torch.float64) @ columns.T
    return (sums * (1.0 / (255.0 * math.prod((height, width))))).to(torch.float32)
