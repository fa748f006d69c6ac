"""What the comparison must show: one line per promise, kept or not, with its number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stereocast.bench.stereo_truth.comparison import Row
from stereocast.bench.stereo_truth.iw3_eyes import IW3, IW3_DILATED, IW3_DILATED_SCALED
from stereocast.bench.stereo_truth.methods import (
    DILATED,
    DILATED_SCALED,
    OURS,
    SPLAT,
    SPLAT_RIGHT,
)
from stereocast.bench.stereo_truth.pairing import over_clips, paired
from stereocast.bench.stereo_truth.real_clips import MATCHED, PUBLISHED_ORACLE_DB

_MOST_BELOW_ORACLE_DB = 1.0
_SCENES_BETTER = 5 / 6


@dataclass(frozen=True)
class Gate:
    """A promise: what is measured, what it must be at least (or at most), and what it is."""

    name: str
    value: float
    limit: float
    at_most: bool = False
    is_stretch: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the promise holds; NaN never does."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def line(self) -> str:
        """Return the promise as one line."""
        word = "pass" if self.is_kept else "miss" if self.is_stretch else "FAIL"
        bound = "≤" if self.at_most else "≥"
        stretch = ", stretch" if self.is_stretch else ""
        return f"{word}  {self.name}: {self.value:+.3f} (wanted {bound} {self.limit:g}{stretch})"


def gates(rows: Iterable[Row]) -> list[Gate]:
    """Return every promise that `rows` can tell about, in the order of the issue."""
    found = list(rows)
    if not any(row.method == OURS for row in found):
        return []
    by_depth = {depth: [r for r in found if r.depth == depth] for depth in _depths(found)}
    kept = []
    if "realistic" in by_depth:
        kept += _realistic(by_depth["realistic"])
    if "perfect" in by_depth:
        kept += _perfect(by_depth["perfect"])
    return kept + _real(by_depth.get(MATCHED, []))


def strongest(rows: list[Row], *methods: str) -> str:
    """Return which of the methods in `rows` has the highest PSNR: the one that must be beaten."""
    there = {row.method for row in rows}
    return max(
        (name for name in methods if name in there),
        key=lambda name: over_clips(rows, name, "psnr").mean,
    )


def _realistic(rows: list[Row]) -> list[Gate]:
    dilated = strongest(rows, DILATED, DILATED_SCALED)
    splat = strongest(rows, SPLAT, SPLAT_RIGHT)
    iw3_dilated = strongest(rows, IW3_DILATED, IW3_DILATED_SCALED)
    return [
        _gain(rows, "psnr", dilated, 0.5),
        _gain(rows, "flicker_occluded", dilated, 0.0, at_most=True),
        _gain(rows, "psnr", splat, 3.3),
        _gain(rows, "psnr", IW3, 2.5),
        _gain(rows, "occluded_psnr", IW3, 1.3),
        _gain(rows, "psnr", iw3_dilated, 0.0),
        _gain(rows, "psnr", dilated, 0.8, is_stretch=True),
        _gain(rows, "ssim", dilated, 0.015, is_stretch=True),
    ]


def _perfect(rows: list[Row]) -> list[Gate]:
    difference = paired(rows, OURS, SPLAT, metric="psnr")
    share = difference.above / difference.count
    name = f"perfect depth, share of scenes with a better PSNR than {SPLAT}"
    return [_gain(rows, "psnr", SPLAT, 1.2), Gate(name, share, _SCENES_BETTER)]


def _real(rows: list[Row]) -> list[Gate]:
    return [
        Gate(
            f"{row.clip}, PSNR minus the published oracle's",
            row.scores["psnr"] - PUBLISHED_ORACLE_DB[row.clip],
            -_MOST_BELOW_ORACLE_DB,
        )
        for row in rows
        if row.method == OURS
    ]


def _gain(
    rows: list[Row],
    metric: str,
    baseline: str,
    limit: float,
    *,
    at_most: bool = False,
    is_stretch: bool = False,
) -> Gate:
    word = _WORDS[metric]
    name = f"{rows[0].depth} depth, {word} minus that of {baseline}"
    value = paired(rows, OURS, baseline, metric=metric).mean
    return Gate(name, value, limit, at_most=at_most, is_stretch=is_stretch)


_WORDS = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "occluded_psnr": "disoccluded PSNR",
    "flicker_occluded": "disoccluded flicker",
}


def _depths(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row.depth for row in rows))
