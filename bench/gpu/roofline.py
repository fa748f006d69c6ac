"""Arithmetic of a bench on a GPU: rates, shares of the ceilings of the same run, percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ceilings:
    """What the device reached in this run with nothing but copies and products.

    gb_per_s  of memory, read and written bytes counted
    tflop_s   of half precision products
    launch_us from one empty step of a graph to the next
    """

    gb_per_s: float
    tflop_s: float
    launch_us: float


def rate_gb_per_s(bytes_moved: int, milliseconds: float) -> float:
    """Return GB/s; infinity for no time at all."""
    return math.inf if milliseconds <= 0 else bytes_moved / milliseconds / 1e6


def share_of_roof(bytes_moved: int, milliseconds: float, ceilings: Ceilings) -> float:
    """Return how near a call comes to the memory's ceiling: 1 is as fast as copying."""
    return rate_gb_per_s(bytes_moved, milliseconds) / ceilings.gb_per_s


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` of all do not exceed. Raises ValueError."""
    if not samples or not 0 <= share <= 1:
        raise ValueError(f"a percentile needs samples and a share in [0, 1], got {share}")
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99 and the maximum, rounded to a microsecond if these are ms."""
    values = {f"p{round(100 * share)}": percentile(samples, share) for share in (0.5, 0.95, 0.99)}
    values["max"] = max(samples)
    return {name: round(value, 4) for name, value in values.items()}
