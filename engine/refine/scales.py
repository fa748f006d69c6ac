"""What depth is measured in while it is refined, and what of it moves as a whole.

Both kinds of teacher become a log depth, larger is farther, so that the same filter serves them:

metric    log of metres; only a bounded, leaking offset is ever applied: the scale stays the
          teacher's
relative  −log(inverse depth + floor), the floor following what the far end is; scale and shift
          of the inverse depth wobble, and are steadied as in engine/stereo/steady.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from stereocast.engine.models import Output
from stereocast.engine.stereo.steady import Steady, SteadyState, samples_of
from stereocast.kernels.refine import weighted_median

S = TypeVar("S")

OFFSET_BOUND = 0.06
"""B_g: no frame's depth is moved as a whole by more than this, log units."""
SPARSE = 3
"""Every so manieth pixel each way is enough for a median."""
_FARTHEST_OFFSET = 0.3  # a larger offset is no wobble, and the filter's gates see to it
_ACCEPTED, _RATE_MEMORY = 0.35, 0.02
_NEAREST_M, _FARTHEST_M = 1e-3, 1e4
FLOOR = 0.25
"""Of the range of inverse depth: an error of 1 % of it then counts 1 to 4 %."""
_FLOOR_S = 2.0  # seconds in which the floor follows the range
_LEAST_RANGE = 1e-3  # of the largest value: flat depth is flat


@dataclass(frozen=True)
class Views:
    """What is seen of two frames when the global stage looks at them.

    history, teacher  float32 [B, h, w], log depth, the former moved to where things are now
    weights           float32 [B, h, w], how much a pixel says about the whole
    dt                float32 [B], seconds since the frame before
    known             bool [B], there is a history
    calm              float32 [B], 1; less while the history is re-anchored to the teacher
    """

    history: Tensor
    teacher: Tensor
    weights: Tensor
    dt: Tensor
    known: Tensor
    calm: Tensor


class Scale(Protocol[S]):
    """A measure of depth; keeps the law of state, see `engine.stage`."""

    nearest_m: float
    """β: near things may be moved by this much at least, metres; 0 without metres."""

    def init(self, batch: int = 1) -> S:
        """Return the state before the first frame."""

    def enter(self, state: S, depth: Tensor, dt: Tensor) -> tuple[S, Tensor]:
        """Return depth [B, h, w] of the teacher as log depth; NaN where it is no number."""

    def align(self, state: S, seen: Views) -> tuple[S, Tensor, Tensor]:
        """Return history and teacher with what wobbles as a whole taken out of both."""

    def forget(self, state: S, where: Tensor) -> S:
        """Forget, where bool [B] is set, what was learned of movement."""

    def leave(self, state: S, log_depth: Tensor) -> Tensor:
        """Return log depth [B, h, w] in the teacher's measure."""


@dataclass(frozen=True)
class MetricState:
    """rate float32 [B], offset per nominal frame (1/30 s) that steady movement explains."""

    rate: Tensor


class MetricScale:
    """Metres. The offset between history and teacher is followed by an α-β rate."""

    nearest_m = 0.02

    def init(self, batch: int = 1) -> MetricState:
        """Return the state before the first frame."""
        return MetricState(torch.zeros(batch))

    def enter(self, state: MetricState, depth: Tensor, dt: Tensor) -> tuple[MetricState, Tensor]:
        """Return log metres."""
        return state, depth.clamp(_NEAREST_M, _FARTHEST_M).log()

    def align(self, state: MetricState, seen: Views) -> tuple[MetricState, Tensor, Tensor]:
        """Let smooth change pass; move history and teacher together where they jump apart."""
        frames = 30 * seen.dt
        offset = weighted_offset(seen.history, seen.teacher, seen.weights)
        offset = torch.where(seen.known, offset, 0.0).clamp(-_FARTHEST_OFFSET, _FARTHEST_OFFSET)
        surprise = offset - frames * state.rate
        accepted = frames * state.rate + _ACCEPTED * surprise
        rate = (state.rate + _RATE_MEMORY * (surprise - state.rate)) * seen.calm
        unexplained = torch.tanh((offset - accepted) / OFFSET_BOUND)
        moved = -OFFSET_BOUND * unexplained * seen.calm
        history = seen.history + (offset + moved)[:, None, None]
        return MetricState(rate), history, seen.teacher + moved[:, None, None]

    def forget(self, state: MetricState, where: Tensor) -> MetricState:
        """Forget the rate."""
        return MetricState(torch.where(where, 0.0, state.rate))

    def leave(self, state: MetricState, log_depth: Tensor) -> Tensor:
        """Return metres."""
        return log_depth.exp()


@dataclass(frozen=True)
class RelativeState:
    """The wobble's filter, and the floor.

    steady  of scale and shift, see `SteadyState`
    floor   float32 [2], what is added to inverse depth now, and what was in the frame before
    least   float32 [1], the smallest sum that is let through
    seen    bool [1]: there is a floor
    """

    steady: SteadyState
    floor: Tensor
    least: Tensor
    seen: Tensor


class RelativeScale:
    """Inverse depth without a unit, of one stream (B = 1)."""

    nearest_m = 0.0

    def __init__(self) -> None:
        self._steady = Steady()
        self._fresh = self._steady.init()

    def init(self, batch: int = 1) -> RelativeState:
        """Return the state before the first frame; raise ValueError for more than one stream."""
        if batch != 1:
            raise ValueError(f"relative depth is refined one stream at a time, got {batch}")
        return RelativeState(
            self._steady.init(), torch.zeros(2), torch.ones(1), torch.zeros(1, dtype=torch.bool)
        )

    def enter(
        self, state: RelativeState, depth: Tensor, dt: Tensor
    ) -> tuple[RelativeState, Tensor]:
        """Return −log(depth + floor)."""
        depth = torch.where(depth.isfinite(), depth, torch.nan)
        sample = depth[:, ::SPARSE, ::SPARSE]
        low = sample.nan_to_num(torch.inf).amin().nan_to_num(0.0, 0.0)
        high = sample.nan_to_num(-torch.inf).amax().nan_to_num(0.0, 0.0, 0.0)
        spread = (high - low).maximum(_LEAST_RANGE * high.abs()).clamp_min(1e-6)
        wanted = (FLOOR * spread - low).reshape(1)
        share = torch.where(state.seen, 1 - torch.exp(-dt / _FLOOR_S), 1.0)
        floor = torch.lerp(state.floor[:1], wanted, share)
        before = torch.where(state.seen, state.floor[:1], floor)
        least = (FLOOR / 4 * spread).reshape(1)
        new = RelativeState(
            state.steady, torch.cat((floor, before)), least, torch.ones_like(state.seen)
        )
        return new, -(depth + floor).maximum(least).log()

    def align(self, state: RelativeState, seen: Views) -> tuple[RelativeState, Tensor, Tensor]:
        """Take the jitter of scale and shift out of the teacher; bring the history along."""
        floor, before = state.floor
        history = (-seen.history).exp() - before
        teacher = (-seen.teacher).exp() - floor
        steady, correction, carried = self._steady.follow(
            state.steady, samples_of(history[0].detach()), samples_of(teacher[0]), seen.dt
        )
        untouched = torch.eye(2)[0]
        scale, shift = torch.lerp(untouched, correction, seen.calm)
        along_scale, along_shift = carried
        teacher = teacher * scale + (shift + floor)
        history = history * along_scale + (along_shift + floor)
        new = replace(state, steady=steady)
        return new, -history.maximum(state.least).log(), -teacher.maximum(state.least).log()

    def forget(self, state: RelativeState, where: Tensor) -> RelativeState:
        """Keep the filter, which finds out by itself that frames agree no more, unless it broke."""
        old, fresh = state.steady, self._fresh
        # What else it remembers is made anew in every frame, or is nothing that `follow` reads.
        numbers = torch.cat(
            (old.jitter, old.relative, old.correction, old.speed, old.doubt.flatten())
        )
        broken = where & ~numbers.sum().isfinite()
        kept = {
            name: torch.where(broken, getattr(fresh, name), getattr(old, name))
            for name in ("jitter", "relative", "correction", "speed", "doubt")
        }
        return replace(state, steady=replace(old, **kept))

    def leave(self, state: RelativeState, log_depth: Tensor) -> Tensor:
        """Return inverse depth in the teacher's measure."""
        return (-log_depth).exp() - state.floor[0]


def scale_for(output: Output) -> MetricScale | RelativeScale:
    """Return the measure of depth that means `output`."""
    return MetricScale() if output is Output.METRIC_DEPTH else RelativeScale()


def weighted_offset(history: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """Return the median [B] of teacher − history, both [B, h, w], over some of the pixels."""
    difference = (teacher - history).detach()[:, ::SPARSE, ::SPARSE].flatten(1)
    return weighted_median(difference, weights.detach()[:, ::SPARSE, ::SPARSE].flatten(1))
