"""Automatic convergence: which distance lies on the screen, when nobody says.

The subject does, as far as one can tell without recognising it: what most of the middle of the
picture shows, or a little nearer, so that more lies behind the screen than in front of it. The
screen moves slowly after it. When it is obeyed and how that mixes with a viewer's wish, is
controls.py's and disparity.py's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.stereo import lasting
from stereocast.engine.stereo.bars import Window
from stereocast.engine.stereo.sampling import middles, pick

_SIZE = (30, 45)  # samples
_QUANTILE = 0.6  # of the samples' nearness: half a step towards the viewer from their median
_RATE_PER_S = 0.5  # how far it may move in a second, in widths of the depth range


@dataclass(frozen=True)
class ConvergenceState:
    """What was wanted, and what is.

    recent   float32 [9, 1], what recent frames wanted
    current  float32 [1], inverse depth on the screen
    frames   int64 [1], seen since the reset
    """

    recent: Tensor
    current: Tensor
    frames: Tensor


class AutoConvergence:
    """Follow a centre-weighted quantile of inverse depth, at a limited rate."""

    def __init__(self, *, time_constant_s: float = 0.5) -> None:
        self._time_constant_s = time_constant_s
        self._places = [_denser_in_the_middle(size) for size in _SIZE]
        self._rank = round(_QUANTILE * _SIZE[0] * _SIZE[1])

    def init(self) -> ConvergenceState:
        """Return the state before the first frame."""
        frames = torch.zeros(1, dtype=torch.int64)
        return ConvergenceState(lasting.fresh(1), torch.zeros(1), frames)

    def step(
        self, state: ConvergenceState, depth: Tensor, dt: Tensor, *, ends: Tensor, window: Window
    ) -> tuple[ConvergenceState, Tensor]:
        """Return the inverse depth that should lie on the screen, float32 [1].

        depth   inverse depth float32 [h, w]
        dt      float32 [1], seconds since the frame before
        ends    float32 [2], the range of the depth, see range.py
        window  the part of the frame that is picture
        The first frame after a reset decides at once.
        """
        rows, columns = (window.positions(axis, p) for axis, p in enumerate(self._places))
        measured = pick(depth, rows, columns).flatten().kthvalue(self._rank).values
        recent = lasting.remember(state.recent, measured, state.frames)
        wanted, _ = lasting.median(recent, state.frames + 1)
        most = _RATE_PER_S * dt * (ends[1] - ends[0])
        gain = 1 - torch.exp(-dt / self._time_constant_s)
        followed = state.current + (gain * (wanted - state.current)).clamp(-most, most)
        current = torch.where(state.frames > 0, followed, wanted)
        return ConvergenceState(recent, current, state.frames + 1), current


def _denser_in_the_middle(size: int) -> Tensor:
    """Return positions in 0..1, three times as dense in the middle as at the ends."""
    even = 2 * middles(size) - 1
    return 0.5 + 0.25 * even * (1 + even.abs())
