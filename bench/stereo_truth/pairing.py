"""Statistics over clips: means, and differences between two methods on the same clips."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from stereocast.bench.stereo_truth.comparison import Row


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of values that are not NaN; `above` 0: how many are."""

    mean: float
    sd: float
    count: int
    above: int


def spread(values: Iterable[float]) -> Spread:
    """Return the statistics of the values that are finite."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return Spread(math.nan, math.nan, 0, 0)
    sd = statistics.stdev(known) if len(known) > 1 else math.nan
    above = sum(value > 0 for value in known)
    return Spread(statistics.fmean(known), sd, len(known), above)


def over_clips(rows: Iterable[Row], method: str, metric: str) -> Spread:
    """Return the statistics of one score of one method over its clips."""
    return spread(row.scores[metric] for row in rows if row.method == method)


def paired(rows: Iterable[Row], method: str, baseline: str, *, metric: str) -> Spread:
    """Return the statistics of method − baseline, clip by clip; `above` counts the clips > 0."""
    found = list(rows)
    theirs = {row.clip: row.scores[metric] for row in found if row.method == baseline}
    return spread(
        row.scores[metric] - theirs[row.clip]
        for row in found
        if row.method == method and row.clip in theirs
    )
