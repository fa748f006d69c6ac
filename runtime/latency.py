"""Where the milliseconds go: stamps t0…t10 of a frame, stages that sum to the total, percentiles.

    t0 capture · t1 dequeue · t2 decode · t3 depth · t4 refine · t5 warp · t6 encode · t7 send
    t8 receive · t9 view-decode · t10 present

A stage is named after the stamp that ends it: `decode` lasts from t1 to t2. Everything is integer
nanoseconds of one clock; this module reads no clock itself and knows no socket.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from rich.table import Table

STAMPS = (
    "capture",
    "dequeue",
    "decode",
    "depth",
    "refine",
    "warp",
    "encode",
    "send",
    "receive",
    "view-decode",
    "present",
)
"""Names of t0…t10, in order."""

PERCENTILES = (50, 95, 99)

# Below 0.1 ms buckets are 0.1 µs wide; from there to 10 s each is 0.1 % wide: three digits.
_LINEAR_END_NS = 100_000
_LINEAR_STEP_NS = 100
_LINEAR_BUCKETS = _LINEAR_END_NS // _LINEAR_STEP_NS
_LAST_NS = 10_000_000_000
_LOG_RATIO = math.log(1.001)
_LAST_BUCKET = _LINEAR_BUCKETS + int(math.log(_LAST_NS / _LINEAR_END_NS) / _LOG_RATIO)


def stage_durations(stamps: Mapping[int, int]) -> dict[str, int]:
    """Return the nanoseconds of each stage, whose sum is the last stamp minus the first, exactly.

    stamps  number of the stamp (0…10) → its moment in ns; a missing one gives its time to the
            next that is there, so nothing is lost and nothing is counted twice
    Raises ValueError for a number outside 0…10.
    """
    numbers = sorted(stamps)
    if numbers and (numbers[0] < 0 or numbers[-1] >= len(STAMPS)):
        raise ValueError(f"stamps are numbered 0…{len(STAMPS) - 1}, got {numbers}")
    return {STAMPS[end]: stamps[end] - stamps[start] for start, end in pairwise(numbers)}


def stamps_from_extension(extension: Mapping[str, object]) -> dict[int, int]:
    """Return the stamps `{"t0": ns, …, "t10": ns}` that a frame's extension map carries.

    Other keys are ignored, and so are values that are no integers: the map comes from a peer.
    """
    stamps = {}
    for number in range(len(STAMPS)):
        moment = extension.get(f"t{number}")
        if isinstance(moment, int) and not isinstance(moment, bool):
            stamps[number] = moment
    return stamps


@dataclass
class Histogram:
    """Durations in buckets of at most 0.1 % width (0.1 ms to 10 s) and 0.1 µs below; mergeable.

    Counts are sparse. Minimum and maximum are exact; what lies outside is counted in the first or
    the last bucket, so that a clock error shows in `min_ns` instead of vanishing.
    """

    counts: dict[int, int] = field(default_factory=dict)
    count: int = 0
    min_ns: int = 0
    max_ns: int = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration in nanoseconds."""
        bucket = _bucket(duration_ns)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.min_ns = min(self.min_ns, duration_ns) if self.count else duration_ns
        self.max_ns = max(self.max_ns, duration_ns) if self.count else duration_ns
        self.count += 1

    def merge(self, other: Histogram) -> None:
        """Add the counts of another histogram to this one."""
        if not other.count:
            return
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.min_ns = min(self.min_ns, other.min_ns) if self.count else other.min_ns
        self.max_ns = max(self.max_ns, other.max_ns) if self.count else other.max_ns
        self.count += other.count

    def percentile_ns(self, percent: float) -> int:
        """Return the smallest duration that `percent` of all do not exceed, within 0.1 %.

        0 for an empty histogram. Raises ValueError outside 0 < percent ≤ 100.
        """
        if not 0 < percent <= 100:
            raise ValueError(f"a percentile lies in (0, 100], got {percent}")
        wanted = math.ceil(self.count * percent / 100)
        if wanted >= self.count:
            return self.max_ns
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(max(_middle_ns(bucket), self.min_ns), self.max_ns)
        raise AssertionError("the counts of a histogram sum to its count")

    def report_ms(self) -> dict[str, float]:
        """Return {"p50", "p95", "p99", "max"} in milliseconds, rounded to a microsecond."""
        values = {f"p{percent}": self.percentile_ns(percent) for percent in PERCENTILES}
        return {name: round(ns / 1e6, 3) for name, ns in (values | {"max": self.max_ns}).items()}


@dataclass
class StageAccount:
    """The stages and totals of many frames."""

    stages: dict[str, Histogram] = field(default_factory=dict)
    total: Histogram = field(default_factory=Histogram)

    def add(self, stamps: Mapping[int, int]) -> None:
        """Account for one frame; `stamps` as in `stage_durations`. Fewer than two count nothing."""
        durations = stage_durations(stamps)
        for name, duration_ns in durations.items():
            self.stages.setdefault(name, Histogram()).add(duration_ns)
        if durations:
            self.total.add(sum(durations.values()))

    def merge(self, other: StageAccount) -> None:
        """Add the frames of another account to this one."""
        for name, histogram in other.stages.items():
            self.stages.setdefault(name, Histogram()).merge(histogram)
        self.total.merge(other.total)


def report(
    account: StageAccount,
    *,
    frames_in: int,
    frames_out: int,
    drops: Mapping[str, int],
    fps: float,
) -> dict[str, object]:
    """Return the part of a JSON report that every command shares.

    Stages stand in the order of a frame's journey; the caller adds schema, machine and config.
    """
    return {
        "frames_in": frames_in,
        "frames_out": frames_out,
        "drops": dict(drops),
        "fps": round(fps, 2),
        "stages_ms": {
            name: account.stages[name].report_ms() for name in STAMPS if name in account.stages
        },
        "total_ms": account.total.report_ms(),
    }


def table(account: StageAccount, *, title: str) -> Table:
    """Render one row per stage and one for the total, in milliseconds."""
    rendered = Table(title=title, title_justify="left", title_style="bold")
    rendered.add_column("stage")
    for column in ("p50 ms", "p95 ms", "p99 ms", "max ms"):
        rendered.add_column(column, justify="right")
    for name in STAMPS:
        if name in account.stages:
            rendered.add_row(name, *_cells(account.stages[name]))
    rendered.add_section()
    rendered.add_row("total", *_cells(account.total), style="bold")
    return rendered


def _cells(histogram: Histogram) -> list[str]:
    return [f"{value:.2f}" for value in histogram.report_ms().values()]


def _bucket(duration_ns: int) -> int:
    if duration_ns < _LINEAR_END_NS:
        return max(0, duration_ns) // _LINEAR_STEP_NS
    return min(
        _LAST_BUCKET, _LINEAR_BUCKETS + int(math.log(duration_ns / _LINEAR_END_NS) / _LOG_RATIO)
    )


def _middle_ns(bucket: int) -> int:
    if bucket < _LINEAR_BUCKETS:
        return bucket * _LINEAR_STEP_NS + _LINEAR_STEP_NS // 2
    return round(_LINEAR_END_NS * math.exp((bucket - _LINEAR_BUCKETS + 0.5) * _LOG_RATIO))
