"""Settings of the smoothing baselines, chosen on worlds that training may see.

A refiner is compared with the best that a baseline can do, so each is tuned, and on other worlds
than those that are scored: of a grid of settings those are kept that are steadiest at what they
may lose of the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

from stereocast.bench.depth_quality.clips import ScoredClip
from stereocast.bench.depth_quality.measures import Measures, alignment, truth
from stereocast.bench.depth_quality.methods import RAW, Options, raw, smoothing
from stereocast.bench.depth_quality.score import means

BUDGETS = (1.0, 1.1, 1.2, 1.3)
"""AbsRel of the raw teacher's that a setting may have; the last one is that of the gates."""
EMA_GRID = [(share,) for share in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85)]
BILATERAL_GRID = list(product((0.7, 0.85, 0.95, 0.98), (0.08, 0.15, 0.3), (0.05, 0.15, 0.4)))
"""Share of the history; deviations of log depth, and of the picture."""

Setting = tuple[float, ...]


def tune(clips: Sequence[ScoredClip], told: Callable[[], None]) -> dict[str, list[Setting]]:
    """Return the chosen settings, `ema` and `bilateral`; `told` `steps()` times a clip."""
    grids: dict[str, list[Setting]] = {"ema": [*EMA_GRID], "bilateral": [*BILATERAL_GRID]}
    settings = [each for grid in grids.values() for each in grid]
    methods = {RAW: raw} | smoothing(settings)
    rows: dict[str, list[Measures]] = {name: [] for name in methods}
    for scored in clips:
        for name, method in methods.items():
            answer = method(scored.clip, scored.teacher, Options()).log_depth
            steady = alignment(scored.clip, scored.pairs, answer, 1)
            rows[name].append({"AbsRel": truth(scored, answer)["AbsRel"], "TAE": steady})
            told()
    table = {name: means(each) for name, each in rows.items()}
    of_raw = table.pop(RAW)["AbsRel"]
    by_setting = dict(zip(settings, table.values(), strict=True))
    return {
        name: chosen({setting: by_setting[setting] for setting in grid}, of_raw)
        for name, grid in grids.items()
    }


def steps() -> int:
    """Return how many methods run on each clip."""
    return 1 + len(EMA_GRID) + len(BILATERAL_GRID)


def chosen(rows: Mapping[Setting, Measures], raw_error: float) -> list[Setting]:
    """Return the settings of least TAE within each budget of AbsRel, each once.

    Where no setting keeps within any budget: the one that loses least.
    """
    kept: list[Setting] = []
    for budget in BUDGETS:
        fair = [each for each in rows if rows[each]["AbsRel"] <= budget * raw_error]
        if fair:
            kept.append(min(fair, key=lambda each: rows[each]["TAE"]))
    return [*dict.fromkeys(kept)] or [min(rows, key=lambda each: rows[each]["AbsRel"])]
