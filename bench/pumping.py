"""How much a depth normaliser breathes when one near thing comes and goes.

A static random scene (values 0 to 0.6); in every 4th frame a near flake (value 1) covers a part.
Wobble is the standard deviation over the mean of the normalised depth of a region that never
changes, after 20 of 60 frames. Beside ours: two normalisers that live tools use, in our words:
minimum and maximum smoothed exponentially (0.75), and percentiles of each frame alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stereocast.engine.stereo.disparity import RangeTracker
from stereocast.runtime import machine

FLAKES = (0.001, 0.005, 0.03, 0.1)
"""Share of the picture that the near flake covers."""

_SIZE = (140, 252)
_FRAMES, _WARM_UP = 60, 20


def run() -> dict[str, object]:
    """Return the wobble in % of every normaliser for every flake."""
    return {
        "schema": "stereocast/bench-pumping/1",
        "machine": machine.facts(),
        "wobble_percent": {
            name: {f"{flake:g}": round(100 * wobble(make(), flake), 3) for flake in FLAKES}
            for name, make in NORMALISERS.items()
        },
    }


def wobble(normalise: Callable[[Tensor], Tensor], flake: float) -> float:
    """Return sd / mean of the normalised depth where nothing changes."""
    generator = torch.Generator().manual_seed(0)
    scene = torch.rand(_SIZE, generator=generator) * 0.6
    columns = max(1, round(flake * _SIZE[1]))
    means = []
    for index in range(_FRAMES):
        depth = scene.clone()
        if index % 4 == 0:
            depth[:, :columns] = 1.0
        nearness = normalise(depth)
        if index >= _WARM_UP:
            means.append(nearness[:, _SIZE[1] // 2 :].mean())
    values = torch.stack(means)
    return float(values.std(correction=0) / values.mean())


def _ours() -> Callable[[Tensor], Tensor]:
    tracker = RangeTracker()
    state = tracker.init()
    dt = torch.tensor([1 / 30])

    def normalise(depth: Tensor) -> Tensor:
        nonlocal state
        state, nearness = tracker.step(state, depth, dt)
        return nearness

    return normalise


def _smoothed_extremes() -> Callable[[Tensor], Tensor]:
    current: Tensor | None = None

    def normalise(depth: Tensor) -> Tensor:
        nonlocal current
        measured = torch.stack((depth.min(), depth.max()))
        current = measured if current is None else 0.75 * current + 0.25 * measured
        return (depth - current[0]) / (current[1] - current[0])

    return normalise


def _each_frame() -> Callable[[Tensor], Tensor]:
    def normalise(depth: Tensor) -> Tensor:
        low, high = torch.quantile(depth, torch.tensor([0.02, 0.98])).unbind()
        return ((depth - low) / (high - low)).clamp(0, 1)

    return normalise


NORMALISERS = {
    "stereocast": _ours,
    "minimum and maximum, EMA 0.75": _smoothed_extremes,
    "percentiles of each frame": _each_frame,
}
