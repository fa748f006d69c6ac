"""How much a depth normaliser breathes when one near thing comes and goes, and how soon it follows.

A static random scene (values 0 to 0.6); in some frames a near flake (value 1) covers a part. Wobble
is the standard deviation over the mean of the normalised depth of a region that never changes,
after 20 of 60 frames; deviation is the farthest that any of its pixels goes from its median in
time, as a share of the range. Beside ours: two normalisers that live tools use, in our words:
minimum and maximum smoothed exponentially (0.75), and percentiles of each frame alone.

Not breathing is easy for what never moves, so ours is also timed: the range doubles or halves for
good, and what counts is when it has gone 90 % of the way, and how far it goes beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.stereo.range import RangeTracker, nearness
from stereocast.runtime import machine

ONE_PIXEL = 0.0
FLAKES = (ONE_PIXEL, 0.005, 0.03, 0.1)
"""Share of the picture that the near flake covers; 0 stands for a single pixel."""

PERIODS = (4, 3, 2)
"""A flake in every so manieth frame."""

RATES_HZ = (24.0, 30.0, 60.0)

_SIZE = (140, 252)
_FRAMES, _WARM_UP = 60, 20
_QUIET_S, _WATCHED_S = 2.0, 3.0

Normaliser = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Breathing:
    """Shares, not percent: sd over mean, and the farthest of any pixel, of what never changes."""

    wobble: float
    deviation: float


@dataclass(frozen=True)
class Response:
    """Seconds until 90 % of a lasting change is reached, and the share gone beyond it."""

    seconds: float
    overshoot: float


def run() -> dict[str, object]:
    """Return breathing in % for every normaliser, flake and period, and our response."""
    breathing = {
        name: {
            f"every {period}": {_label(flake): _percents(make, flake, period) for flake in FLAKES}
            for period in PERIODS
        }
        for name, make in NORMALISERS.items()
    }
    answers = {
        f"{word} at {rate:g} fps": vars(response(factor, rate))
        for word, factor in (("twice the range", 2.0), ("half the range", 0.5))
        for rate in RATES_HZ
    }
    return {
        "schema": "stereocast/bench-pumping/2",
        "machine": machine.facts(),
        "breathing_percent": breathing,
        "response": answers,
    }


def breathe(normalise: Normaliser, flake: float, *, period: int = 4) -> Breathing:
    """Return how much what never changes moves beside a flake in every `period`-th frame."""
    generator = torch.Generator().manual_seed(0)
    scene = torch.rand(_SIZE, generator=generator) * 0.6
    columns = round(flake * _SIZE[1])
    kept = []
    for index in range(_FRAMES):
        depth = scene.clone()
        if index % period == 0:
            depth[:, :columns] = 1.0
            depth[0, 0] = 1.0
        answer = normalise(depth)
        if index >= _WARM_UP:
            kept.append(answer[:, _SIZE[1] // 2 :])
    static = torch.stack(kept)
    means = static.mean(dim=(1, 2))
    farthest = (static - static.median(dim=0).values).abs().amax()
    return Breathing(float(means.std(correction=0) / means.mean()), float(farthest))


def response(factor: float, rate_hz: float) -> Response:
    """Return how our range follows when it changes by `factor` for good."""
    tracker, dt = RangeTracker(), torch.tensor([1 / rate_hz])
    scene = torch.rand(_SIZE, generator=torch.Generator().manual_seed(0))
    state = tracker.init()
    for _ in range(round(_QUIET_S * rate_hz)):
        state, before = tracker.step(state, scene, dt)
    _, after = tracker.step(tracker.init(), scene * factor, dt)
    gone = []
    for _ in range(round(_WATCHED_S * rate_hz)):
        state, ends = tracker.step(state, scene * factor, dt)
        gone.append(float((ends - before)[1] / (after - before)[1]))
    # The first changed frame is seen when it is there: a change costs no frame by itself.
    late = next(index for index, share in enumerate(gone) if share >= 0.9)
    return Response(late / rate_hz, max(0.0, max(gone) - 1))


def _label(flake: float) -> str:
    return "1 px" if flake == ONE_PIXEL else f"{flake:.1%}"


def _percents(make: Callable[[], Normaliser], flake: float, period: int) -> dict[str, float]:
    breathing = breathe(make(), flake, period=period)
    return {name: round(100 * value, 3) for name, value in vars(breathing).items()}


def _ours() -> Normaliser:
    tracker = RangeTracker()
    state = tracker.init()
    dt = torch.tensor([1 / 30])

    def normalise(depth: Tensor) -> Tensor:
        nonlocal state
        state, ends = tracker.step(state, depth, dt)
        return nearness(depth, ends)

    return normalise


def _smoothed_extremes() -> Normaliser:
    current: Tensor | None = None

    def normalise(depth: Tensor) -> Tensor:
        nonlocal current
        measured = torch.stack((depth.min(), depth.max()))
        current = measured if current is None else 0.75 * current + 0.25 * measured
        return (depth - current[0]) / (current[1] - current[0])

    return normalise


def _each_frame() -> Normaliser:
    def normalise(depth: Tensor) -> Tensor:
        low, high = torch.quantile(depth, torch.tensor([0.02, 0.98])).unbind()
        return ((depth - low) / (high - low)).clamp(0, 1)

    return normalise


NORMALISERS = {
    "stereocast": _ours,
    "minimum and maximum, EMA 0.75": _smoothed_extremes,
    "percentiles of each frame": _each_frame,
}
