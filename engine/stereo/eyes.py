"""From a picture and its finished disparity to views that can be shown.

    warp ─► recall: what earlier frames saw behind things ─► fill ─► settle: calm what was made up

Where the disparity comes from, how strong and how sharp it is, is decided before.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.stereo.memory import BackgroundMemory, MemoryInput, MemoryState
from stereocast.kernels.fill import FillLevel, fill_holes
from stereocast.kernels.memory import Fill
from stereocast.kernels.warp import warp_eyes


@dataclass(frozen=True)
class EyesConfig:
    """How holes are filled."""

    fill_level: FillLevel = 2
    """1: from the row, 2: from all around, see `stereocast.kernels.fill.fill_holes`."""
    memory: bool = True
    """Whether holes first take what earlier frames saw there, and fills follow those before."""


@dataclass(frozen=True)
class EyesState:
    """What the source picture showed of the background, and each eye's last fill."""

    memory: MemoryState
    fills: tuple[Fill, ...]


class Eyes:
    """Warp to several eyes at once and fill what opens."""

    def __init__(
        self, frame_size: tuple[int, int], config: EyesConfig | None = None, *, count: int = 2
    ) -> None:
        """Make `count` eyes of frames of `frame_size` = (H, W)."""
        self.frame_size = frame_size
        self._config = config or EyesConfig()
        self._count = count
        self._memory = BackgroundMemory(frame_size)

    def init(self) -> EyesState:
        """Return the state before the first frame."""
        fills = tuple(self._memory.init_fill() for _ in range(self._count))
        return EyesState(self._memory.init(), fills)

    def step(
        self, state: EyesState, image: Tensor, disparity_px: Tensor, gains: Tensor
    ) -> tuple[EyesState, Tensor, Tensor]:
        """Return the new state, views u8 [N, 3, H, W], and their holes bool [N, H, W] as warped.

        image         u8 [3, H, W], the source view
        disparity_px  float32 [H, W], positive is nearer
        gains         float32 [N]: target column = source column + gain · disparity: -1 the right
                      eye of a left picture, +1 the left eye of a right one, 0 the picture itself
        """
        if tuple(image.shape[1:]) != self.frame_size or len(gains) != self._count:
            raise ValueError(
                f"these are {self._count} eyes for frames of {self.frame_size}, "
                f"got {len(gains)} gains and {tuple(image.shape)}"
            )
        views, depths, holes = warp_eyes(image, disparity_px, gains)
        if self._config.memory:
            seen = MemoryInput(image, disparity_px)
            return self._remembered(state, seen, gains, views, depths), views, holes
        for view, open_, depth in zip(views, holes, depths, strict=True):
            fill_holes(view, open_, depth, level=self._config.fill_level, out=view)
        return state, views, holes

    def _remembered(
        self, state: EyesState, x: MemoryInput, gains: Tensor, views: Tensor, depths: Tensor
    ) -> EyesState:
        """Fill the holes of every view in place, with the help of what is remembered."""
        memory, background = self._memory.step(state.memory, x)
        fills = []
        for view, depth, gain, fill in zip(views, depths, gains, state.fills, strict=True):
            self._memory.recall(background, view, depth, gain=gain)
            open_ = torch.isneginf(depth)
            fill_holes(view, open_, depth, level=self._config.fill_level, out=view)
            fills.append(self._memory.settle(fill, background, view, open_))
        return EyesState(memory, tuple(fills))
