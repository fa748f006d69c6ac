"""What lenses and codecs do to a picture: softness and the blocks of compression."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 8


def softened(picture: Tensor, share: float) -> Tensor:
    """Return [3, H, W] float32 mixed with its own blur over 3 × 3 pixels; share in [0, 1]."""
    padded = functional.pad(picture[None], (1, 1, 1, 1), mode="replicate")[0]
    across = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    blurred = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    return torch.lerp(picture, blurred / 16, share)


def compressed(picture: Tensor, step: float) -> Tensor:
    """Return [3, H, W] float32 with the cosines of its 8 × 8 blocks rounded to multiples of `step`.

    High frequencies are rounded more coarsely than low ones, as in JPEG and in key pictures.
    """
    height, width = picture.shape[1:]
    rows, columns = -(-height // BLOCK), -(-width // BLOCK)
    down, across = rows * BLOCK - height, columns * BLOCK - width
    padded = functional.pad(picture[None], (0, across, 0, down), mode="replicate")[0]
    blocks = padded.reshape(3, rows, BLOCK, columns, BLOCK).transpose(2, 3)
    ticks = torch.arange(BLOCK)
    steps = step * (0.4 + 0.3 * (ticks[:, None] + ticks[None])).reshape(-1)
    # Both directions at once: one product with a 64 × 64 matrix each way.
    both = torch.kron(_cosines(), _cosines())
    rounded = (blocks.reshape(-1, BLOCK * BLOCK) @ both.T / steps).round_() * steps
    restored = (rounded @ both).reshape(3, rows, columns, BLOCK, BLOCK).transpose(2, 3)
    return restored.reshape(3, rows * BLOCK, columns * BLOCK)[:, :height, :width]


def _cosines() -> Tensor:
    """Return the orthonormal cosine transform of eight values (DCT-II)."""
    ticks = torch.arange(BLOCK, dtype=torch.float32)
    table = torch.cos(math.pi / BLOCK * (ticks[None] + 0.5) * ticks[:, None]) * math.sqrt(2 / BLOCK)
    table[0] *= math.sqrt(0.5)
    return table
