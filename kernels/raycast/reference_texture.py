"""Texture sampling of the ray caster's definition: the fitting mip level, bilinear weights."""

from __future__ import annotations

import torch
from torch import Tensor


def mip_level(rho2: Tensor, side: int) -> Tensor:
    """Return floor(log2(rho)) in [0, log2(side)], int32; rho2 in squared texels per pixel.

    Half a level sharper than rounding, because only one axis of a slanted footprint is that long.
    """
    _, exponent = torch.frexp(rho2)
    return ((exponent - 1) >> 1).clamp(0, side.bit_length() - 1)


def sample(texture: Tensor, s: Tensor, t: Tensor, level: Tensor) -> Tensor:
    """Return a texture's RGBA at level-0 texel coordinates, [4, H, W] int32 in 8.8.

    Half an 8-bit level is already added for rounding. Coordinates are at least 0, texel centres
    at ½; the texture repeats.
    """
    side = texture.shape[1] - 1
    size = side >> level
    scale = 256.0 / (1 << level).float()
    fixed_s = (s * scale).int() + size * 256 - 128
    fixed_t = (t * scale).int() + size * 256 - 128
    fx, fy = fixed_s & 255, fixed_t & 255
    x0, y0 = (fixed_s >> 8) & (size - 1), (fixed_t >> 8) & (size - 1)
    first = 2 * (side - size) + level
    both = (fx * fy) >> 8
    weights = [256 - fx - fy + both, fx - both, fy - both, both]
    total = torch.full((4, *s.shape), 128, dtype=torch.int32, device=s.device)
    for weight, (dy, dx) in zip(weights, ((0, 0), (0, 1), (1, 0), (1, 1)), strict=True):
        total += texture[first + y0 + dy, x0 + dx].movedim(-1, 0).int() * weight
    return total
