"""From depth on the network grid to nearness: inverse depth, in a range that does not pump."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.models import Output

NEAREST_M = 0.1
"""Metric depth below this counts as this: closer than any lens focuses, and 1/Z stays finite."""

_MEMORY = 9  # frames whose ranges are remembered; their median shrugs off 4 outliers
_LOW, _HIGH = 0.01, 0.99
_STRIDE = 2
_SETTLING_S, _SETTLING_GAIN = 0.5, 15.0  # how long, and how much faster, a new scene is followed
_MINIMUM_RANGE = 0.02  # of the largest value: flat depth is flat, not noise at full strength


@dataclass(frozen=True)
class RangeState:
    """The range in force and where it comes from.

    recent   float32 [9, 2], low and high percentile of recent frames
    current  float32 [2], the range in force
    index    int64 [1], slot of `recent` to write next
    seen     bool [1], whether any frame has been seen
    age_s    float32 [1], seconds since the reset
    """

    recent: Tensor
    current: Tensor
    index: Tensor
    seen: Tensor
    age_s: Tensor


class RangeTracker:
    """Normalise inverse depth to nearness in [0, 1] without breathing.

    The range is the median of the 1 % and 99 % percentiles of the last frames, followed at no more
    than `rate_per_s` of its own width per second. The first frame after a reset is taken at once,
    and for half a second the range settles faster: that frame may have been an unlucky one.
    Simpler trackers pump: one near object that comes and goes changes the depth of everything else
    (bench/pumping.py measures this one against two of them).
    """

    def __init__(self, *, rate_per_s: float = 0.25) -> None:
        self._rate_per_s = rate_per_s

    def init(self) -> RangeState:
        """Return the state before the first frame."""
        return RangeState(
            recent=torch.zeros(_MEMORY, 2),
            current=torch.zeros(2),
            index=torch.zeros(1, dtype=torch.int64),
            seen=torch.zeros(1, dtype=torch.bool),
            age_s=torch.zeros(1),
        )

    def step(self, state: RangeState, depth: Tensor, dt: Tensor) -> tuple[RangeState, Tensor]:
        """Return nearness float32 [h, w]: 0 far, 1 near, values beyond the range not clipped.

        depth  inverse depth float32 [h, w], any scale and offset
        dt     float32 [1], seconds since the frame before
        """
        measured = _percentiles(depth)
        slot = torch.arange(_MEMORY)[:, None] == state.index
        recent = torch.where(slot | ~state.seen, measured, state.recent)
        target = recent.median(dim=0).values
        width = (state.current[1] - state.current[0]).abs()
        settling = 1 + _SETTLING_GAIN * torch.exp(-state.age_s / _SETTLING_S)
        step = (self._rate_per_s * settling * width * dt).expand(2)
        followed = state.current + (target - state.current).clamp(-step, step)
        current = torch.where(state.seen, followed, measured)
        low, high = current
        floor = _MINIMUM_RANGE * torch.maximum(low.abs(), high.abs()).clamp_min(1e-6)
        middle, span = (low + high) / 2, torch.maximum(high - low, floor)
        nearness = (depth - middle) / span + 0.5
        index = (state.index + 1) % _MEMORY
        seen = torch.ones_like(state.seen)
        # The time before the first frame of a scene belongs to the scene before.
        age_s = torch.where(state.seen, state.age_s + dt, 0.0)
        return RangeState(recent, current, index, seen, age_s), nearness


def inverse_depth(depth: Tensor, output: Output) -> Tensor:
    """Return depth float32 [h, w] as inverse depth, larger is nearer, of unknown scale and offset.

    Parallax is linear in 1/Z: metres are inverted, and what is inverse already is never touched.
    """
    if output is Output.RELATIVE_INVERSE:
        return depth
    return depth.clamp_min(NEAREST_M).reciprocal()


def _percentiles(depth: Tensor) -> Tensor:
    """Return the low and high percentile of `depth` as float32 [2]."""
    values = depth[::_STRIDE, ::_STRIDE].flatten().sort().values
    last = values.numel() - 1
    return torch.stack((values[round(_LOW * last)], values[round(_HIGH * last)]))
