"""Texture sampling of the ray caster's definition: the mip level that fits, and bilinear weights."""

from __future__ import annotations

import torch
from torch import Tensor

SHARPER = 0.5
"""Half a level sharper than the longest axis of the footprint asks for, in rho²."""


def mip_level(rho2: Tensor, side: int) -> Tensor:
    """Return round(log2(rho)) in [0, log2(side)], int32, of squared texels per pixel."""
    _, exponent = torch.frexp(2 * rho2)
    return ((exponent - 1) >> 1).clamp(0, side.bit_length() - 1)


def sample(texture: Tensor, s: Tensor, t: Tensor, level: Tensor) -> Tensor:
    """Return the texture [2·S, S, 4] at level-0 texel coordinates, [4, H, W] int32 in 8.8.

    Coordinates are at least 0, texel centres at ½; the texture repeats.
    """
    side = texture.shape[1]
    size = side >> level
    scale = 256.0 / (1 << level).float()
    fixed_s = (s * scale).int() + size * 256 - 128
    fixed_t = (t * scale).int() + size * 256 - 128
    fx, fy = fixed_s & 255, fixed_t & 255
    x0, y0 = (fixed_s >> 8) & (size - 1), (fixed_t >> 8) & (size - 1)
    x1, y1 = (x0 + 1) & (size - 1), (y0 + 1) & (size - 1)
    first = 2 * (side - size)
    both = (fx * fy) >> 8
    taps = [
        (x0, y0, 256 - fx - fy + both),
        (x1, y0, fx - both),
        (x0, y1, fy - both),
        (x1, y1, both),
    ]
    total = torch.zeros(4, *s.shape, dtype=torch.int32, device=s.device)
    for x, y, weight in taps:
        total += texture[first + y, x].movedim(-1, 0).int() * weight
    return total
