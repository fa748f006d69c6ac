"""From a picture and its disparity to the finished view of another eye."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels.fill import fill_holes
from stereocast.kernels.warp import warp_with_disparity


@dataclass(frozen=True)
class SecondEyeState:
    """Nothing is remembered yet: every frame is filled from itself."""


class SecondEye:
    """Warp, then fill: the whole way from a disparity map to a finished view."""

    def __init__(self, frame_size: tuple[int, int]) -> None:
        self.frame_size = frame_size

    def init(self) -> SecondEyeState:
        """Return the state before the first frame."""
        return SecondEyeState()

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
        if tuple(image.shape[1:]) != self.frame_size:
            raise ValueError(f"this eye is for frames of {self.frame_size}, got {image.shape}")
        view, view_disparity = warp_with_disparity(image, disparity_px, gain=gain)
        holes = torch.isneginf(view_disparity)
        return state, fill_holes(view, holes, view_disparity, out=view), holes
