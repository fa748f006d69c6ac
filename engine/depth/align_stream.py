"""Align overlapping snippets as they come: causal, one step per frame, constant cost.

With every frame comes one snippet per dilation that ends in it. Its older frames have been seen
before, and their aligned depth is still there: the anchors. The scale and shift that bring the
snippet onto its anchors put its newest frame on the scale of the stream. Whole clips are aligned
better by align.py, which may look ahead.

Where this differs from plain least squares of anchors on the snippet: that takes all noise to be
the anchors' and so shrinks the scale a little in every step, which a stream compounds (a noise of
10 % of the depth's spread leaves a seventh of the depth after 300 frames). Both sides are noisy
here, so the line is Deming's, which has a closed form as well and does not shrink.

Source: Deming 1943, "Statistical Adjustment of Data"; see also `robust`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.depth.robust import Loss, deming_slope, weights
from stereocast.engine.depth.snippets import LENGTH, Snippet

STEP_LOW, STEP_HIGH = 0.8, 1.25
"""A snippet's scale is at most this much of the one before it: a bad fit cannot run away."""

_ROUNDS = 3  # of weighting and fitting in a frame; fixed, so that a step can be captured
_SURE = 1e-12  # of float64 moments of depth in its own unit


@dataclass(frozen=True)
class AlignState:
    """What the aligner remembers.

    anchors  float32 [K, h, w], aligned depth of the last K frames; frame f is in row f mod K
    scale, shift  float64 [D], of the last snippet of each dilation
    frames   int64 [1], frames seen since the beginning or the last reset
    """

    anchors: Tensor
    scale: Tensor
    shift: Tensor
    frames: Tensor


class StreamingAligner:
    """The stage that aligns a stream of snippets."""

    def __init__(
        self, grid: tuple[int, int], *, dilations: Sequence[int] = (1, 10), length: int = LENGTH,
        loss: Loss = Loss.TUKEY,
    ) -> None:  # fmt: skip
        """Raise ValueError unless dilation 1 is there and a snippet has two frames or more."""
        if 1 not in dilations or length < 2:
            raise ValueError(
                f"dilation 1 and snippets of 2 frames or more wanted, "
                f"got dilations {tuple(dilations)} and length {length}"
            )
        self.grid = grid
        self.loss = loss
        self._past = [[gap * back for back in range(length - 1, 0, -1)] for gap in dilations]
        self._ages = torch.tensor(self._past)
        self._rows = int((length - 1) * max(dilations))

    def snippets(self, frame: int) -> tuple[Snippet, ...]:
        """Return the frames that `step` wants predicted together when `frame` arrives.

        One snippet per dilation, ending in `frame`. Near the beginning, frame 0 stands in for those
        that never were.
        """
        return tuple((*(max(0, frame - age) for age in row), frame) for row in self._past)

    def init(self) -> AlignState:
        """Return the state before the first frame."""
        dilations = len(self._ages)
        return AlignState(
            anchors=torch.zeros(self._rows, *self.grid),
            scale=torch.ones(dilations, dtype=torch.float64),
            shift=torch.zeros(dilations, dtype=torch.float64),
            frames=torch.zeros(1, dtype=torch.int64),
        )

    def step(self, state: AlignState, windows: Tensor) -> tuple[AlignState, Tensor]:
        """Return the depth of the newest frame, float32 [h, w], on the scale of the stream.

        windows  float32 [D, length, h, w], the predictions for `snippets`, newest frame last
        """
        target = (state.frames - self._ages).clamp_min(0)  # [D, L − 1] frame numbers
        anchors = state.anchors.index_select(0, (target % self._rows).flatten())
        past, newest = windows[:, :-1].flatten(1).double(), windows[:, -1].double()
        known = anchors.reshape(len(self._ages), -1).double()
        scale, shift = self._fit(past, known, state)
        aligned = scale[:, None, None] * newest + shift[:, None, None]
        depth = aligned.mean(0).float()
        anchors = state.anchors.index_copy_(0, state.frames % self._rows, depth[None])
        return AlignState(anchors, scale, shift, state.frames + 1), depth

    def _fit(self, x: Tensor, y: Tensor, state: AlignState) -> tuple[Tensor, Tensor]:
        """Return scale and shift float64 [D] that bring x onto y, both float64 [D, samples].

        Before there is an anchor the scale is 1 and the shift 0.
        """
        share = torch.ones_like(x)
        scale, shift = state.scale, state.shift
        for round_number in range(_ROUNDS):
            if round_number:
                residual = y - scale[:, None] * x - shift[:, None]
                sigma = 1.4826 * residual.abs().median(dim=1, keepdim=True).values
                share = weights(residual, sigma.clamp_min(1e-9), self.loss).clamp_min(1e-6)
            scale, shift = _deming(x, y, share, before=state.scale)
        begun = state.frames > 0
        return torch.where(begun, scale, state.scale), torch.where(begun, shift, state.shift)


def _deming(x: Tensor, y: Tensor, share: Tensor, *, before: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted Deming line of y on x, its slope within reach of `before` [D].

    The noise of x is `before` times as large in the unit of y. An anchor is the mean of D such
    maps, so it has a D-th of that variance. Six moments.
    """
    total = share.sum(1)
    mean_x, mean_y = (share * x).sum(1) / total, (share * y).sum(1) / total
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    xx, xy, yy = ((share * a * b).sum(1) / total for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    slope = deming_slope(xx, xy, yy, before.square() / len(before))
    flat = xy <= _SURE * (xx * yy).sqrt().clamp_min(_SURE)
    slope = torch.where(flat, before, slope)
    slope = torch.maximum(torch.minimum(slope, STEP_HIGH * before), STEP_LOW * before)
    return slope, mean_y - slope * mean_x
