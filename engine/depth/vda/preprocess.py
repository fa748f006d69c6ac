"""From a frame to the network's input: which size, and how it is resampled.

Source: depth.md §2 of the design; util/transform.py upstream, whose cv2.INTER_CUBIC is bicubic with
a = -0.75, half-pixel centres and no antialiasing, like PyTorch's up to 5.4e-5 after normalisation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from stereocast.engine.depth.vda.architecture import MEAN, PATCH, STD
from stereocast.engine.errors import ConfigError

_WIDEST_RATIO = 1.78  # what is longer gets a smaller grid, so that it costs no more than 16:9
_WIDE_BUDGET = 1.777


def effective_input_size(frame_size: tuple[int, int], input_size: int) -> int:
    """Return the shorter side of the network's input, pixels, for frames of (H, W)."""
    ratio = max(frame_size) / min(frame_size)
    if ratio <= _WIDEST_RATIO:
        return input_size
    shrunk = int(input_size * _WIDE_BUDGET / ratio)
    return round(shrunk / PATCH) * PATCH


def network_size(frame_size: tuple[int, int], input_size: int) -> tuple[int, int]:
    """Return (h, w) of the network's input for frames of (H, W): multiples of 14.

    The shorter side becomes at least `input_size` pixels, the ratio is kept as far as patches
    allow; rounding is half to even. Raises ConfigError if nothing would be left.
    """
    if min(frame_size) < 1:
        raise ConfigError(f"frames need at least one pixel, got (H, W) = {frame_size}")
    shorter = effective_input_size(frame_size, input_size)
    if shorter < PATCH:
        raise ConfigError(
            f"input_size {input_size} leaves no patch of {PATCH} pixels for frames of (H, W) = "
            f"{frame_size}: use a larger input_size"
        )
    scale = max(shorter / side for side in frame_size)

    def patches(side: int) -> int:
        nearest = round(scale * side / PATCH) * PATCH
        return nearest if nearest >= shorter else math.ceil(scale * side / PATCH) * PATCH

    return patches(frame_size[0]), patches(frame_size[1])


def to_input(rgb: Tensor, grid: tuple[int, int], *, dtype: torch.dtype = torch.float32) -> Tensor:
    """Resample pictures u8 [T, 3, H, W] to [T, 3, h, w], about [0, 1].

    Bicubic overshoots are kept, as upstream; nothing is averaged when shrinking.
    """
    resampled = functional.interpolate(rgb.to(dtype), size=grid, mode="bicubic")
    return resampled / 255


def normalise(images: Tensor) -> Tensor:
    """Subtract mean and divide by deviation per channel; images [T, 3, h, w]. For unfolded nets."""
    mean, std = (
        torch.tensor(values, dtype=torch.float64, device=images.device).view(3, 1, 1)
        for values in (MEAN, STD)
    )
    return ((images.double() - mean) / std).to(images.dtype)


def to_frame(depth: Tensor, frame_size: tuple[int, int]) -> Tensor:
    """Resample depth [T, h, w] to [T, H, W] bilinearly, corner pixels on corner pixels."""
    resampled = functional.interpolate(
        depth[:, None], size=frame_size, mode="bilinear", align_corners=True
    )
    return resampled[:, 0]
