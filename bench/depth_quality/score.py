"""Methods × clips: the table of measures, paired on the same clips and teachers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stereocast.bench.depth_quality.clips import ScoredClip
from stereocast.bench.depth_quality.measures import Measures, by_confidence, measure
from stereocast.bench.depth_quality.methods import Method, Options

Told = Callable[[str], None]


@dataclass(frozen=True)
class Table:
    """Measures by method.

    rows  of every clip
    bins  of every clip, by confidence of the teacher
    """

    rows: dict[str, list[Measures]]
    bins: dict[str, list[list[Measures]]]

    def by_confidence(self, name: str) -> list[Measures]:
        """Return the measures of a method by confidence, means over the clips."""
        return [means(each) for each in zip(*self.bins[name], strict=True)]


def score(
    clips: Sequence[ScoredClip], methods: Mapping[str, Method], options: Options, told: Told
) -> Table:
    """Measure every method on every clip; `told` after each clip of each."""
    table = Table({name: [] for name in methods}, {name: [] for name in methods})
    for scored in clips:
        for name, method in methods.items():
            answer = method(scored.clip, scored.teacher, options)
            table.rows[name].append(measure(scored, answer))
            table.bins[name].append(by_confidence(scored, answer))
            told(name)
    return table


def means(rows: Sequence[Measures]) -> Measures:
    """Return the mean of every measure over the clips that have it."""
    result = {}
    for name in rows[0]:
        kept = [row[name] for row in rows if math.isfinite(row[name])]
        result[name] = sum(kept) / len(kept) if kept else math.nan
    return result
