"""Depth as a bench or a training feeds it: the exact disparity, or what a network would make of it.

Only maps are changed here; pictures and masks stay those of the truth.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from stereocast.engine.errors import ConfigError
from stereocast.training.scenes.draws import Draws

NOISE_CELLS = (8, 14)
"""Random values down and across behind the low-frequency noise."""
DEPTH_STREAM = 1
"""Tells these draws from those of the room with the same seed."""


class Depth(Protocol):
    """Turns the exact disparity of a frame into the one that a stereo stage gets."""

    def disparity(self, exact: Tensor, index: int) -> Tensor:
        """Return the disparity [H, W] float32, px, given for frame `index`."""
        ...


class PerfectDepth:
    """The exact disparity itself."""

    def disparity(self, exact: Tensor, index: int) -> Tensor:
        """Return `exact`, whatever the index."""
        return exact


class RealisticDepth:
    """Soft edges, low-frequency noise, and a scale and shift that flicker from frame to frame.

    blur_px_at_720p  sigma of the Gaussian that softens edges; grows with the height of the map
    noise            deviation of the noise, as a share of the frame's disparity range
    scale_flicker    deviation of the frame's gain around 1
    shift_flicker    deviation of the frame's offset, as a share of the range

    The same seed, map and index always give the same result. Raises ConfigError for a negative
    setting.
    """

    def __init__(
        self,
        seed: int,
        *,
        blur_px_at_720p: float = 3.0,
        noise: float = 0.01,
        scale_flicker: float = 0.02,
        shift_flicker: float = 0.005,
    ) -> None:
        settings = (blur_px_at_720p, noise, scale_flicker, shift_flicker)
        if min(settings) < 0:
            raise ConfigError(f"RealisticDepth: no setting may be negative, got {settings}")
        self.seed, self.blur_px_at_720p, self.noise = seed, blur_px_at_720p, noise
        self.scale_flicker, self.shift_flicker = scale_flicker, shift_flicker

    def disparity(self, exact: Tensor, index: int) -> Tensor:
        """Return the degraded disparity [H, W] float32, px, of frame `index` ≥ 0."""
        draws = Draws(self.seed, DEPTH_STREAM, index)
        scale = 1 + draws.normal(self.scale_flicker)
        shift = draws.normal(self.shift_flicker)
        span = exact.amax() - exact.amin()
        soft = blurred(exact, self.blur_px_at_720p * exact.shape[0] / 720)
        return scale * (soft + self.noise * span * _low_frequencies(exact, draws)) + shift * span


def blurred(image: Tensor, sigma_px: float) -> Tensor:
    """Return a map [H, W] float32 under a Gaussian; its border is continued outwards."""
    reach = math.ceil(4 * sigma_px)
    if reach == 0:
        return image
    ticks = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (ticks / sigma_px).square())
    kernel = (kernel / kernel.sum())[None, None]
    padded = functional.pad(image[None, None], (reach,) * 4, mode="replicate")
    across = functional.conv2d(padded, kernel[:, :, None])
    return functional.conv2d(across, kernel[..., None])[0, 0]


def _low_frequencies(like: Tensor, draws: Draws) -> Tensor:
    """Return smooth noise of the map's size with mean 0 and deviation 1."""
    grid = torch.randn(1, 1, *NOISE_CELLS, generator=draws.generator)
    height, width = like.shape
    field = functional.interpolate(grid, (height, width), mode="bicubic", align_corners=True)
    return ((field - field.mean()) / field.std())[0, 0]
