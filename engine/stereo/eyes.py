"""From a picture and its finished disparity to views that can be shown.

    warp ─► memory: what earlier frames saw behind things ─► fill

Where the disparity comes from, how strong and how sharp it is, is decided before.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.stereo.memory import BackgroundMemory, MemoryInput, MemoryState
from stereocast.kernels.fill import FillLevel, fill_holes
from stereocast.kernels.warp import warp_eyes


@dataclass(frozen=True)
class EyesConfig:
    """How holes are filled."""

    fill_level: FillLevel = 2
    """1: from the row, 2: from all around, see `stereocast.kernels.fill.fill_holes`."""
    memory: bool = True
    """Whether holes first take what earlier frames saw behind the thing that opened them."""


class Eyes:
    """Warp to several eyes at once and fill what opens."""

    def __init__(self, frame_size: tuple[int, int], config: EyesConfig | None = None) -> None:
        self.frame_size = frame_size
        self._config = config or EyesConfig()
        self._memory = BackgroundMemory(frame_size)

    def init(self) -> MemoryState:
        """Return the state before the first frame."""
        return self._memory.init()

    def step(
        self, state: MemoryState, image: Tensor, disparity_px: Tensor, gains: Tensor
    ) -> tuple[MemoryState, Tensor, Tensor]:
        """Return the new state, views u8 [N, 3, H, W], and their holes bool [N, H, W] as warped.

        image         u8 [3, H, W], the source view
        disparity_px  float32 [H, W], positive is nearer
        gains         float32 [N]: target column = source column + gain · disparity: -1 the right
                      eye of a left picture, +1 the left eye of a right one, 0 the picture itself
        """
        if tuple(image.shape[1:]) != self.frame_size:
            raise ValueError(f"these eyes are for frames of {self.frame_size}, got {image.shape}")
        views, depths, holes = warp_eyes(image, disparity_px, gains)
        plate = state.plate
        if self._config.memory:
            state, plate = self._memory.step(state, MemoryInput(image, disparity_px))
        for view, open_, depth, gain in zip(views, holes, depths, gains, strict=True):
            if self._config.memory:
                self._memory.recall(plate, view, depth, gain=gain)
                open_ = torch.isneginf(depth)
            fill_holes(view, open_, depth, level=self._config.fill_level, out=view)
        return state, views, holes
