"""The model card's numbers, from the report of the scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stereocast.bench.tiny_depth.methods import METHODS, RAMP, TINY
from stereocast.bench.tiny_depth.real import PROBE, PROBES_RAMP

BEGIN, END = "<!-- scores: begin -->", "<!-- scores: end -->"


def write_card(report: Mapping[str, Any], path: Path) -> None:
    """Put the tables of a report into a card, between its marks; the words stay as they are."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{tables(report)}\n{END}{after}", encoding="utf-8")


def tables(report: Mapping[str, Any]) -> str:
    """Return the scores as Markdown: held-out worlds first, then real clips where there are any."""
    lines = []
    if "worlds" in report:
        lines += _worlds(report["worlds"], report["worlds_each"])
    if "real" in report:
        lines += ["", *_real(report["real"])]
    if "cost" in report:
        cost = report["cost"]["cpu_ms_median"]
        lines += [
            "",
            f"A frame of 1280×720 costs {cost:.1f} CPU-ms at 140×252, fp32, everything in.",
        ]
    return "\n".join(lines)


def _worlds(scores: Mapping[str, Any], each: int) -> list[str]:
    lines = [
        f"Held-out rendered worlds, {each} with a static and {each} with a moving camera: AbsRel /",
        "δ1 after scale and shift are fitted in disparity; flicker: mean change between frames",
        "where nothing changes, in % of the depth's deviation.",
        "",
        "| method | static | moving | flicker, static |",
        "|---|---|---|---|",
    ]
    for method in METHODS:
        pair = [scores[group][method] for group in ("static", "moving")]
        cells = [f"{each['absrel']:.3f} / {each['delta1']:.3f}" for each in pair]
        lines.append(f"| {method} | {' | '.join(cells)} | {100 * pair[0]['flicker']:.2f} |")
    return lines


def _real(scores: Mapping[str, Any]) -> list[str]:
    lines = [
        "Real stereo clips, every frame streamed: mean disparity error in pixels at 320 wide after",
        "a robust affine fit / Pearson r; motorcycle: AbsRel / δ1 of its one picture. The probe is",
        "an earlier single-frame network of ours, scored with another matching: only its share",
        "of the row ramp's error can be compared.",
        "",
        f"| method | {' | '.join(scores)} |",
        "|---" * (len(scores) + 1) + "|",
    ]
    for method in METHODS:
        cells = []
        for name, methods in scores.items():
            value = methods[method]
            keys = ("absrel", "delta1") if PROBE[name][0] == "absrel" else ("error_px", "r")
            cells.append(" / ".join(f"{value[key]:.3f}" for key in keys))
        lines.append(f"| {method} | {' | '.join(cells)} |")
    probe = " | ".join(f"{PROBE[name][1]:.3f}" for name in scores)
    ours = (_share(methods, TINY, PROBE[name][0]) for name, methods in scores.items())
    theirs = (PROBE[name][1] / PROBES_RAMP[name] for name in scores)
    shares = [" | ".join(f"{share:.3f}" for share in row) for row in (ours, theirs)]
    return [
        *lines,
        f"| probe | {probe} |",
        f"| tiny, share of the row ramp | {shares[0]} |",
        f"| probe, share of its row ramp | {shares[1]} |",
    ]


def _share(methods: Mapping[str, Any], method: str, key: str) -> float:
    """Return a method's error as a share of the row ramp's."""
    return float(methods[method][key] / methods[RAMP][key])
