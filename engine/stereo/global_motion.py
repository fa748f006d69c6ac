"""How the background moved since the last frame: one translation for the whole picture, or none.

Made for addressing what is remembered of the background, so what matters is that a resting camera
is exactly at rest and that anything but a translation is reported as such.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels.flow import block_matching, shrink
from stereocast.kernels.memory import Motion

_COLUMNS = 160
"""About this many columns are left of a picture for matching."""
_TEXTURE = 6
"""Grey levels between neighbours from which on a cell says something about motion."""
_NEAR_PX = 0.5
"""Vectors this close to the median, in shrunk pixels, agree with it."""
_AGREEMENT = 0.6
"""Share of the textured background that must agree for the motion to be trusted."""


@dataclass(frozen=True)
class GlobalMotionState:
    """small u8 [1, h, w], the last picture; seen bool [1]; rest float32 [2], px not yet moved."""

    small: Tensor
    seen: Tensor
    rest: Tensor


class GlobalMotion:
    """Match shrunk pictures and take the median vector of what is textured and far.

    The sum of the whole-pixel shifts never leaves the sum of the estimates by more than half a
    pixel.
    """

    def __init__(self, frame_size: tuple[int, int]) -> None:
        self.frame_size = frame_size
        self.factor = min(max(1, round(frame_size[1] / _COLUMNS)), *frame_size, 64)

    def init(self) -> GlobalMotionState:
        """Return the state before the first frame."""
        height, width = (n // self.factor for n in self.frame_size)
        return GlobalMotionState(
            small=torch.zeros((1, height, width), dtype=torch.uint8),
            seen=torch.zeros(1, dtype=torch.bool),
            rest=torch.zeros(2),
        )

    def step(
        self, state: GlobalMotionState, image: Tensor, disparity_px: Tensor
    ) -> tuple[GlobalMotionState, Motion]:
        """Return how the background of rgb u8 [3, H, W] moved; disparity_px float32 [H, W].

        The first frame is not trusted.
        """
        small = shrink(image, self.factor)
        flow = block_matching(state.small, small)
        vectors, weight = flow.flatten(1), self._textured_and_far(small, disparity_px).flatten()
        median = torch.stack([_weighted_median(axis, weight) for axis in vectors])
        near = ((vectors - median[:, None]).abs() <= _NEAR_PX).all(0)
        agreement = (near * weight).sum() / weight.sum().clamp_min(1.0)
        trust = (agreement >= _AGREEMENT).reshape(1) & state.seen
        moved = torch.where(trust, state.rest + median * self.factor, 0.0)
        shift = moved.round()
        seen = torch.ones_like(state.seen)
        return GlobalMotionState(small, seen, moved - shift), Motion(shift.to(torch.int32), trust)

    def _textured_and_far(self, small: Tensor, disparity_px: Tensor) -> Tensor:
        """Return 1 for cells of the flow with texture in the farther half of the picture."""
        cells = small[0, ::2, ::2].float()
        contrast = torch.zeros_like(cells)
        contrast[:, 1:] = (cells[:, 1:] - cells[:, :-1]).abs()
        contrast[1:] = torch.maximum(contrast[1:], (cells[1:] - cells[:-1]).abs())
        step = 2 * self.factor
        far = disparity_px[::step, ::step][: cells.shape[0], : cells.shape[1]]
        return ((contrast >= _TEXTURE) & (far <= far.median())).float()


def _weighted_median(values: Tensor, weight: Tensor) -> Tensor:
    """Return the value [] at which half of the weight is reached; the largest if there is none."""
    ordered, order = values.sort()
    reached = weight[order].cumsum(0)
    middle = torch.searchsorted(reached, reached[-1:] / 2).clamp_max(values.shape[0] - 1)
    return ordered[middle][0]
