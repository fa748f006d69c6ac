"""Methods × clips: the table of measures, paired on the same clips and teachers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from stereocast.bench.depth_quality.clips import ScoredClip
from stereocast.bench.depth_quality.measures import Measures, by_confidence, measure
from stereocast.bench.depth_quality.methods import Method, Options

Told = Callable[[str], None]


def score(
    clips: Sequence[ScoredClip], methods: Mapping[str, Method], options: Options, told: Told
) -> dict[str, list[Measures]]:
    """Return the measures of every method on every clip; `told` after each clip of each."""
    table: dict[str, list[Measures]] = {name: [] for name in methods}
    for scored in clips:
        for name, method in methods.items():
            answer = method(scored.clip, scored.teacher, options)
            table[name].append(measure(scored, answer))
            told(name)
    return table


def means(rows: Sequence[Measures]) -> Measures:
    """Return the mean of every measure over the clips that have it."""
    result = {}
    for name in rows[0]:
        kept = [row[name] for row in rows if math.isfinite(row[name])]
        result[name] = sum(kept) / len(kept) if kept else math.nan
    return result


def stratified(clips: Sequence[ScoredClip], method: Method, options: Options) -> list[Measures]:
    """Return the measures of a method by confidence, means over the clips."""
    bins = [by_confidence(scored, method(scored.clip, scored.teacher, options)) for scored in clips]
    return [means([each[index] for each in bins]) for index in range(len(bins[0]))]
