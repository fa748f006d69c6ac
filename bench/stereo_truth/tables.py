"""The rows of a comparison as Markdown: means ± sd over clips, and paired differences from ours."""

from __future__ import annotations

import math
from collections.abc import Iterable

from stereocast.bench.stereo_truth.comparison import METRICS, Row
from stereocast.bench.stereo_truth.methods import OURS
from stereocast.bench.stereo_truth.pairing import Spread, over_clips, paired

_HEADINGS = {
    "psnr": ("PSNR", 2),
    "ssim": ("SSIM", 3),
    "visible_psnr": ("visible", 2),
    "occluded_psnr": ("occluded", 2),
    "occluded_ssim": ("occ SSIM", 3),
    "outside_psnr": ("outside", 2),
    "edge_psnr": ("edges", 2),
    "flicker": ("flicker", 2),
    "flicker_occluded": ("flicker occ", 2),
    "leakage": ("leak", 3),
    "consistency_psnr": ("L–R", 2),
    "cpu_ms": ("CPU ms", 1),
}
_PAIRED = ("psnr", "ssim", "occluded_psnr", "edge_psnr", "flicker_occluded", "leakage")


def table(rows: Iterable[Row]) -> str:
    """Return the tables of every kind of depth in `rows`, as Markdown."""
    found = list(rows)
    parts = []
    for depth in dict.fromkeys(row.depth for row in found):
        part = [row for row in found if row.depth == depth]
        count = len({row.clip for row in part})
        parts.append(f"### {depth.capitalize()} depth, {count} scenes\n\n{_means(part)}")
        if any(row.method == OURS for row in part):
            parts.append(
                f"{OURS} minus each, paired scene by scene (in how many scenes greater)\n\n"
                f"{_differences(part)}"
            )
    return "\n\n".join(parts) + "\n"


def _means(rows: list[Row]) -> str:
    lines = _header("method", *(_HEADINGS[name][0] for name in METRICS))
    for method in dict.fromkeys(row.method for row in rows):
        cells = (_words(over_clips(rows, method, name), _HEADINGS[name][1]) for name in METRICS)
        lines.append(_line(method, *cells))
    return "\n".join(lines)


def _differences(rows: list[Row]) -> str:
    lines = _header("against", *(_HEADINGS[name][0] for name in _PAIRED))
    for method in dict.fromkeys(row.method for row in rows):
        if method == OURS:
            continue
        cells = []
        for name in _PAIRED:
            gap = paired(rows, OURS, method, metric=name)
            words = _words(gap, _HEADINGS[name][1], sign="+")
            cells.append(words and f"{words} ({gap.above}/{gap.count})")
        if any(cells):
            lines.append(_line(method, *cells))
    return "\n".join(lines)


def _words(values: Spread, digits: int, *, sign: str = "") -> str:
    if math.isnan(values.mean):
        return ""
    mean = f"{values.mean:{sign}.{digits}f}"
    return mean if math.isnan(values.sd) else f"{mean} ± {values.sd:.{digits}f}"


def _header(first: str, *others: str) -> list[str]:
    return [_line(first, *others), _line("---", *("---:" for _ in others))]


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
