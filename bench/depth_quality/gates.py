"""What a refiner has to reach, as shares of the raw teacher, the filter and the best baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stereocast.bench.depth_quality.measures import Measures
from stereocast.bench.depth_quality.methods import RAW, STRONG

_FAIR_ABSREL = 1.3
"""A baseline that loses more truth than this is not the best one, however steady."""


@dataclass(frozen=True)
class Gate:
    """One demand: the worst value of all seeds, and the most or least it may be.

    least  the value must be at least `limit`; else at most
    """

    name: str
    value: float
    limit: float
    least: bool = False

    @property
    def passed(self) -> bool:
        """Whether it is met; what could not be measured is not."""
        if not math.isfinite(self.value):
            return False
        return self.value >= self.limit if self.least else self.value <= self.limit


@dataclass(frozen=True)
class Scores:
    """Means over the clips, by method, as the detector sees cuts and as it sees none.

    rows    every method
    unseen  raw and refiners, no cut detected, on the clips that have one
    long    refiners, on long clips; empty: not measured
    """

    rows: Mapping[str, Measures]
    unseen: Mapping[str, Measures]
    long: Mapping[str, Measures]


def best(rows: Mapping[str, Measures], prefix: str) -> str:
    """Return the setting of a baseline with the least TAE among those that lose little truth."""
    raw = rows[RAW]["AbsRel"]
    names = [name for name in rows if name.startswith(prefix)]
    fair = [name for name in names if rows[name]["AbsRel"] <= _FAIR_ABSREL * raw] or names
    return min(fair, key=lambda name: rows[name]["TAE"])


def gates(scores: Scores, refiners: Sequence[str]) -> list[Gate]:
    """Return every gate for a refiner's seeds; each shows the worst of them."""
    raw, strong = scores.rows[RAW], scores.rows[STRONG]
    mine = [scores.rows[name] for name in refiners]

    def share(measure: str, of: Measures) -> float:
        return max(row[measure] / of[measure] for row in mine)

    demands = [
        ("AbsRel / raw", "AbsRel", raw, 1.00), ("TAE / raw", "TAE", raw, 0.50),
        ("TAE / classic", "TAE", strong, 0.97), ("TGM / raw", "TGM", raw, 0.55),
        ("TGM / classic", "TGM", strong, 1.00), ("flicker / raw", "flicker", raw, 0.55),
        ("flicker / classic", "flicker", strong, 1.00),
        ("AbsRel moving / raw", "AbsRel moving", raw, 1.20),
        ("AbsRel moving / classic", "AbsRel moving", strong, 0.95),
        ("AbsRel band / raw", "AbsRel band", raw, 1.25),
        ("AbsRel sure / raw", "AbsRel sure", raw, 1.35),
        ("AbsRel sure / classic", "AbsRel sure", strong, 0.95),
    ]  # fmt: skip
    result = [Gate(name, share(measure, of), limit) for name, measure, of, limit in demands]
    for prefix in ("EMA", "bilateral"):
        name = best(scores.rows, prefix)
        for measure in ("TAE", "AbsRel"):
            result.append(Gate(f"{measure} / {name}", share(measure, scores.rows[name]), 1.0))
    result.append(Gate("bias", max(row["bias"] for row in mine), 0.005))
    result.append(Gate("clamped", max(row["clamped"] for row in mine), 0.10))
    result.append(
        Gate("corr of change and doubt", min(row["corr"] for row in mine), 0.2, least=True)
    )
    for title, rows, limit in (("seen", scores.rows, 1.15), ("unseen", scores.unseen, 1.6)):
        before = rows[RAW]["AbsRel after cut"]
        worst = max(rows[name]["AbsRel after cut"] / before for name in refiners)
        result.append(Gate(f"AbsRel after cut {title} / raw", worst, limit))
    if scores.long:
        drift = max(scores.long[name]["drift"] for name in refiners)
        result.append(Gate("drift over 300 frames", drift, 0.01))
    return result
