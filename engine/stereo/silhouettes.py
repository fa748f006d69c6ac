"""From a disparity map on any grid to one that ends where the things in the picture end.

The maths is in `stereocast.kernels.disparity`. What lives here is what one stream remembers: how
soft its depth is, so that windows do not change their size from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels import disparity

_FOLLOWED = 0.2
"""Share of a new measurement that is believed: single frames differ by 1 to 3 %."""


@dataclass(frozen=True)
class SilhouettesState:
    """softness float32 [1], in cells of the grid; 0 until silhouettes were seen."""

    softness: Tensor


class Silhouettes:
    """Sharpen silhouettes, and bring coarse disparity to the size of the frame.

    The network's grid and maps as large as the frame take the same way: what matters is how wide
    ramps are in pixels of the frame. Maps with hard edges, as large as the frame, pass unchanged.
    A stream must not change its grid without a reset.
    """

    def __init__(self, frame_size: tuple[int, int]) -> None:
        self.frame_size = frame_size

    def init(self) -> SilhouettesState:
        """Return the state before the first frame."""
        return SilhouettesState(softness=torch.zeros(1))

    def step(
        self, state: SilhouettesState, image: Tensor, disparity_px: Tensor
    ) -> tuple[SilhouettesState, Tensor]:
        """Return the new state and the disparity float32 [H, W] of the frame, pixels.

        image         u8 [3, H, W]
        disparity_px  float32 [h, w] on any grid, in pixels of the output eye, positive is nearer
        """
        if tuple(image.shape[1:]) != self.frame_size:
            raise ValueError(
                f"these silhouettes are for frames of {self.frame_size}, got {tuple(image.shape)}"
            )
        measured = disparity.softness(disparity_px)
        followed = state.softness + _FOLLOWED * (measured - state.softness)
        # Nothing measured leaves things as they are; what comes first is believed at once.
        softness = torch.where(measured > 0, followed, state.softness)
        softness = torch.where(state.softness > 0, softness, measured)
        sharp = disparity.joint_upsample(disparity_px, softness, image=image)
        return SilhouettesState(softness), sharp
