"""How the background moved since the last frame: one translation for the whole picture, or none.

Made for addressing what is remembered of the background, so what matters is that a resting camera
is exactly at rest, that slow pans do not drift, and that anything else is reported as such.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels.flow import block_matching, reproject, shrink
from stereocast.kernels.memory import Motion

_COLUMNS = 160
"""About this many columns are left of a picture for matching."""
_TEXTURE = 6
"""Grey levels between neighbours from which on a cell says something about motion."""
_NEAR = 0.5
"""Vectors this close to the median, in shrunk pixels, agree with it."""
_AGREEMENT = 0.4
"""Share of the textured background that must agree for the motion to be trusted."""
_GOOD_AGREEMENT = 0.75
"""Share below which the anchor has become unlike the picture and is renewed."""
_ANCHORED = 2.0
"""Shrunk pixels from the anchor after which the picture becomes the anchor itself."""
_STEPS = 2
"""Least-squares steps after matching."""
_STAY_PX = 0.7
"""Pixels of the picture that must have come together before it is shifted."""
_OUTLIER = 24
"""Grey levels of a difference that motion does not explain."""


@dataclass(frozen=True)
class GlobalMotionState:
    """The anchor u8 [1, h, w]; seen bool [1]: there is one; lead and off float32 [2], px.

    lead  how far the anchor lies from where whole-pixel shifts have brought the last picture
    off   how far that picture itself does
    """

    anchor: Tensor
    seen: Tensor
    lead: Tensor
    off: Tensor


class GlobalMotion:
    """Register shrunk pictures with an anchor picture, by matching and least squares.

    Motion is measured against the anchor, which changes only after it has moved by some
    shrunk pixels: errors do not add up while the camera rests or creeps, and whole-pixel shifts
    stay within half a pixel of the measured sum.
    """

    def __init__(self, frame_size: tuple[int, int]) -> None:
        self.frame_size = frame_size
        self.factor = min(max(1, round(frame_size[1] / _COLUMNS)), *frame_size, 64)

    def init(self) -> GlobalMotionState:
        """Return the state before the first frame."""
        height, width = (n // self.factor for n in self.frame_size)
        return GlobalMotionState(
            anchor=torch.zeros((1, height, width), dtype=torch.uint8),
            seen=torch.zeros(1, dtype=torch.bool),
            lead=torch.zeros(2),
            off=torch.zeros(2),
        )

    def step(
        self, state: GlobalMotionState, image: Tensor, disparity_px: Tensor
    ) -> tuple[GlobalMotionState, Motion]:
        """Return how the background of rgb u8 [3, H, W] moved; disparity_px float32 [H, W].

        The first frame is not trusted.
        """
        small = shrink(image, self.factor)
        flow = block_matching(state.anchor, small)
        vectors, weight = flow.flatten(1), self._textured_and_far(small, disparity_px).flatten()
        median = torch.stack([_weighted_median(axis, weight) for axis in vectors])
        near = ((vectors - median[:, None]).abs() <= _NEAR).all(0)
        agreement = (near * weight).sum() / weight.sum().clamp_min(1.0)
        trust = (agreement >= _AGREEMENT).reshape(1) & state.seen
        counts = (near * weight).reshape(flow.shape[1:])
        vector = median
        for _ in range(_STEPS):
            vector = vector + _finer(state.anchor, small, vector, counts)
        vector = torch.where(trust, vector, 0.0)
        held = torch.where(trust, state.lead, 0.0)
        moved = held + vector * self.factor
        renew = (agreement < _GOOD_AGREEMENT) | (vector.abs().amax() > _ANCHORED) | ~trust
        shift = torch.where(moved.abs() > _STAY_PX, moved.round(), 0.0)
        lead = torch.where(renew, moved, held) - shift
        off = moved - shift
        slack = ((off - state.off).abs().amax() * 16).round().clamp_max(32)
        new = GlobalMotionState(
            anchor=torch.where(renew, small, state.anchor),
            seen=torch.ones_like(state.seen),
            lead=lead,
            off=off,
        )
        return new, Motion(shift.to(torch.int32), trust, slack.to(torch.int32).reshape(1))

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


def _finer(anchor: Tensor, small: Tensor, vector: Tensor, weight: Tensor) -> Tensor:
    """Return what one least-squares step adds to `vector` [2], within half a shrunk pixel.

    weight  [⌈h/2⌉, ⌈w/2⌉], how much every cell counts. Zero where too little counts.
    Source: Lucas and Kanade 1981, "An iterative image registration technique".
    """
    height, width = small.shape[1:]
    flow = vector[:, None, None].expand(2, height, width).contiguous()
    moved, inside = reproject(anchor.float(), flow)
    moved = moved[0]
    error = small[0].float() - moved
    slope_x, slope_y = torch.zeros_like(moved), torch.zeros_like(moved)
    slope_x[:, 1:-1] = (moved[:, 2:] - moved[:, :-2]) / 2
    slope_y[1:-1] = (moved[2:] - moved[:-2]) / 2
    cells = weight.repeat_interleave(2, 0).repeat_interleave(2, 1)[:height, :width]
    counts = cells * (inside & (error.abs() <= _OUTLIER))
    counted_x, counted_y = counts * slope_x, counts * slope_y
    xx, xy, yy = (
        (counted_x * slope_x).sum(),
        (counted_x * slope_y).sum(),
        (counted_y * slope_y).sum(),
    )
    x, y = (counted_x * error).sum(), (counted_y * error).sum()
    determinant = xx * yy - xy * xy
    enough = determinant > 1e-3 * (xx + yy).square().clamp_min(1.0)
    step = torch.stack([yy * x - xy * y, xx * y - xy * x]) / determinant.clamp_min(1.0)
    return torch.where(enough, step.clamp(-0.5, 0.5), 0.0)
