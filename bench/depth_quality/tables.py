"""Scores as Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from stereocast.bench.depth_quality.gates import Gate
from stereocast.bench.depth_quality.measures import BINS, Measures

COLUMNS = (
    "AbsRel", "d1.05", "RMSE log", "TGM", "flicker", "TAE", "TAE5", "AbsRel moving",
    "AbsRel band", "AbsRel sure", "AbsRel after cut", "bias", "clamped", "corr", "OPW", "pop px",
)  # fmt: skip


def score_table(rows: Mapping[str, Measures], columns: Sequence[str] = COLUMNS) -> str:
    """Return one line for each method."""
    return _table(
        ("method", *columns),
        [(name, *(_cell(row[c]) for c in columns)) for name, row in rows.items()],
    )


def gate_table(gates: Sequence[Gate]) -> str:
    """Return one line for each gate, and whether it is passed."""
    return _table(
        ("gate", "worst seed", "limit", "passed"),
        [
            (g.name, _cell(g.value), f"{'≥' if g.least else '≤'} {g.limit:g}",
             "yes" if g.passed else "**no**")
            for g in gates
        ],
    )  # fmt: skip


def bin_table(name: str, bins: Sequence[Measures]) -> str:
    """Return one line for each bin of confidence."""
    columns = tuple(bins[0])
    titles = [f"{low:g} to {high:g}" for low, high in pairwise(BINS)]
    rows = [
        (title, *(_cell(row[column]) for column in columns))
        for title, row in zip(titles, bins, strict=True)
    ]
    return _table((f"{name}: confidence", *columns), rows)


def _cell(value: float) -> str:
    return "–" if not math.isfinite(value) else f"{value:.4f}" if value < 10 else f"{value:.1f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
