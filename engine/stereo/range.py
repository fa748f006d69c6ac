"""The range that relative depth is normalised to: it follows what lasts and ignores what does not.

The contract is bench/pumping.py's and tests/engine/test_range.py's: something near that comes and
goes moves nothing else; a range that has really changed is followed within a second, without
overshoot. What depth outside the range becomes, is comfort.py's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.stereo import lasting
from stereocast.engine.stereo.bars import Window
from stereocast.engine.stereo.sampling import middles, pick

_LOW, _HIGH = 0.01, 0.99
_SAMPLES = (36, 64)
_SETTLED = 5.36  # time constants after which two low-pass filters in a row have gone 97 %
_MINIMUM_RANGE = 0.02  # of the largest value: flat depth is flat, not noise at full strength


@dataclass(frozen=True)
class RangeState:
    """The range in force and where it comes from.

    recent   float32 [9, 2], low and high percentile of recent frames
    filters  float32 [2, 2], the range after the first and after the second filter
    frames   int64 [1], seen since the reset
    """

    recent: Tensor
    filters: Tensor
    frames: Tensor


class RangeTracker:
    """Follow the 1 % and 99 % percentiles of inverse depth over time.

    The median of the last 9 frames decides what lasts; two equal low-pass filters in a row follow
    it, which start gently and cannot overshoot. The first frame after a reset is taken at once and
    the next ones nearly so: it may have been an unlucky one, and a cut hides corrections.
    """

    def __init__(self, *, response_s: float = 0.8) -> None:
        """Follow a lasting change to 97 % within `response_s`, once 5 frames have confirmed it."""
        self._time_constant_s = response_s / _SETTLED

    def init(self) -> RangeState:
        """Return the state before the first frame."""
        return RangeState(
            recent=lasting.fresh(2),
            filters=torch.zeros(2, 2),
            frames=torch.zeros(1, dtype=torch.int64),
        )

    def step(
        self, state: RangeState, depth: Tensor, dt: Tensor, *, window: Window | None = None
    ) -> tuple[RangeState, Tensor]:
        """Return low and high end of the range, float32 [2]; the high one is above the low one.

        depth   inverse depth float32 [h, w], any scale and offset
        dt      float32 [1], seconds since the frame before
        window  the part of the frame that counts; None: all of it
        """
        measured = _percentiles(depth, window or Window.whole())
        recent = lasting.remember(state.recent, measured, state.frames)
        # Outliers widen the range, so of two medians the inner ones.
        lower, upper = lasting.median(recent, state.frames + 1)
        target = torch.stack((upper[0], lower[1]))
        gain = 1 - torch.exp(-dt / self._time_constant_s)
        gain = torch.maximum(gain, 3 / (state.frames + 3))  # 1 in the first frame
        first = torch.lerp(state.filters[0], target, gain)
        current = torch.lerp(state.filters[1], first, gain)
        new = RangeState(recent, torch.stack((first, current)), state.frames + 1)
        return new, _widened(current)


def nearness(depth: Tensor, ends: Tensor) -> Tensor:
    """Return inverse depth [h, w] as 0 far to 1 near, beyond them where it is beyond `ends` [2]."""
    return (depth - ends[0]) / (ends[1] - ends[0])


def _percentiles(depth: Tensor, window: Window) -> Tensor:
    """Return the low and high percentile of the samples in the window, float32 [2]."""
    rows, columns = (window.positions(axis, middles(n)) for axis, n in enumerate(_SAMPLES))
    values = pick(depth, rows, columns).flatten().sort().values
    last = values.numel() - 1
    return torch.stack((values[round(_LOW * last)], values[round(_HIGH * last)]))


def _widened(ends: Tensor) -> Tensor:
    """Return `ends` [2], moved apart if they are nearly one."""
    floor = _MINIMUM_RANGE * ends.abs().amax().clamp_min(1e-6)
    half = torch.maximum((ends[1] - ends[0]) / 2, floor / 2)
    middle = (ends[0] + ends[1]) / 2
    return torch.stack((middle - half, middle + half))
