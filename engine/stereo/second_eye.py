"""From a picture and its disparity to the finished views of other eyes.

Where the disparity comes from, and how strong it is, is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels.fill import FillLevel, fill_holes
from stereocast.kernels.warp import warp_eyes


@dataclass(frozen=True)
class SecondEyeState:
    """Nothing is remembered yet: every frame is filled from itself."""


class Eyes:
    """Warp to several eyes at once, then fill: views that can be shown.

    fill_level  see `stereocast.kernels.fill.fill_holes`
    """

    def __init__(self, frame_size: tuple[int, int], *, fill_level: FillLevel = 2) -> None:
        self.frame_size = frame_size
        self._fill_level: FillLevel = fill_level

    def init(self) -> SecondEyeState:
        """Return the state before the first frame."""
        return SecondEyeState()

    def step(
        self, state: SecondEyeState, image: Tensor, disparity_px: Tensor, gains: Tensor
    ) -> tuple[SecondEyeState, Tensor, Tensor]:
        """Return the new state, views u8 [N, 3, H, W], and their holes bool [N, H, W] as warped.

        image         u8 [3, H, W], the source view
        disparity_px  float32 [H, W], positive is nearer
        gains         float32 [N]: target column = source column + gain · disparity: -1 the right
                      eye of a left picture, +1 the left eye of a right one, 0 the picture itself
        """
        if tuple(image.shape[1:]) != self.frame_size:
            raise ValueError(f"these eyes are for frames of {self.frame_size}, got {image.shape}")
        views, view_disparities, holes = warp_eyes(image, disparity_px, gains)
        for view, open_, depth in zip(views, holes, view_disparities, strict=True):
            fill_holes(view, open_, depth, level=self._fill_level, out=view)
        return state, views, holes


class SecondEye:
    """One eye of `Eyes`: the whole way from a disparity map to a finished view."""

    def __init__(self, frame_size: tuple[int, int], *, fill_level: FillLevel = 2) -> None:
        self.frame_size = frame_size
        self._eyes = Eyes(frame_size, fill_level=fill_level)

    def init(self) -> SecondEyeState:
        """Return the state before the first frame."""
        return self._eyes.init()

    def step(
        self,
        state: SecondEyeState,
        image: Tensor,
        disparity_px: Tensor,
        *,
        gain: Tensor | float = -1.0,
    ) -> tuple[SecondEyeState, Tensor, Tensor]:
        """Return the new state, the view u8 [3, H, W], and its holes bool [H, W] before filling.

        image         u8 [3, H, W], the source view
        disparity_px  float32 [H, W], positive is nearer
        gain          target column = source column + gain · disparity: -1 the right eye of a left
                      picture (default), +1 the left eye of a right one
        """
        gains = torch.as_tensor(gain, dtype=torch.float32, device=image.device).reshape(1)
        state, views, holes = self._eyes.step(state, image, disparity_px, gains)
        return state, views[0], holes[0]
