"""A soak's gates, and its report as Markdown; both come from the JSON alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_DRIFT_PERCENT = 10.0


def failures(report: Mapping[str, Any]) -> list[str]:
    """Return in words what each part did not hold."""
    return [f"{name}: {what}" for name, part in report["parts"].items() for what in _wrong(part)]


def _wrong(part: Mapping[str, Any]) -> list[str]:
    memory, held, drift = part["memory"], part["held"], own_drift(part)
    found = []
    if part["done"] < part["wanted"]:
        found.append(f"came to {part['done']} of {part['wanted']}")
    if part.get("decode_errors"):
        found.append(f"{part['decode_errors']} pictures could not be decoded")
    if memory["slope_mib_per_h"] is None:
        found.append("too short to tell how memory goes")
    elif memory["slope_mib_per_h"] > memory["bound_mib_per_h"]:
        found.append(
            f"memory grows by {memory['slope_mib_per_h']} MiB/h, more than "
            f"{memory['bound_mib_per_h']}"
        )
    for later, earlier in (("end", "warm"), ("after", "before")):
        for kind, count in held[later].items():
            if count > held[earlier][kind]:
                found.append(f"{count} {kind} {later}, {held[earlier][kind]} {earlier}")
    if drift is not None and drift > MAX_DRIFT_PERCENT:
        found.append(f"p95 of CPU time rose by {drift:.1f} %, more than {MAX_DRIFT_PERCENT:g}")
    return found


def own_drift(part: Mapping[str, Any]) -> float | None:
    """Return by how many per cent p95 rose beyond what the yardstick did; None: too few to tell."""
    drift, machine = part["cpu_ms"]["drift_percent"], part["yardstick_ms"]["drift_percent"]
    return None if drift is None else float(drift) - max(0.0, float(machine or 0.0))


def markdown(report: Mapping[str, Any]) -> str:
    """Return the tables of a report of `bench.soak.run`."""
    facts, case = report["machine"], report["case"]
    height, width = case["size"]
    lines = [
        "# Soak",
        "",
        f"`stereocast bench soak`, {width}×{height}, one process with engine and viewer; "
        f"{facts['processor']}, {facts['cores_usable']} cores, load {facts['load_1_5_15']} before "
        f"and {report['load_after']} after.",
        "",
        "| part | done | s | MiB/h | at most | MiB grown | fds warm → end | threads warm → end "
        "| left over | CPU ms p50 | p95 | p95 rose by % | yardstick's % | holds |",
        "|---|" + "---:|" * 12 + "---|",
    ]
    lines += [_row(name, part) for name, part in report["parts"].items()]
    lines += ["", *_notes(report["parts"])]
    return "\n".join(lines) + "\n"


def _row(name: str, part: Mapping[str, Any]) -> str:
    memory, held, cpu = part["memory"], part["held"], part["cpu_ms"]
    warm, end = held["warm"], held["end"]
    left = [max(0, held["after"][kind] - held["before"][kind]) for kind in ("fds", "threads")]
    cells = (
        name, f"{part['done']} of {part['wanted']}", f"{part['seconds']:.0f}",
        _number(memory["slope_mib_per_h"]), _number(memory["bound_mib_per_h"]),
        _number(memory["growth_mib"]), f"{warm['fds']} → {end['fds']}",
        f"{warm['threads']} → {end['threads']}", f"{left[0]} fds, {left[1]} threads",
        _number(cpu["p50"]), _number(cpu["p95"]), _number(cpu["drift_percent"]),
        _number(part["yardstick_ms"]["drift_percent"]),
        "no" if _wrong(part) else "yes",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _notes(parts: Mapping[str, Any]) -> list[str]:
    lines = [
        "Memory is what the process has in RAM; its slope is the median of all pairs of samples "
        "of the second half. At most 1 MiB/h; where that half is shorter than two hours, 2 MiB in "
        "all, which is what allocators settle by. An accelerated frame stands for 1/30 s. CPU time "
        "is the whole process's, per frame, viewer or change; the rise is that of a line through "
        f"the p95 of ten windows, at most {MAX_DRIFT_PERCENT:g} % more than that of a fixed small "
        "copy, which tells what the machine takes."
    ]
    live = parts.get("real time")
    if live is not None:
        age = live["age_ms"]
        lines += [
            "",
            f"Real time: {live['frames']} frames, {live['fps']} a second, dropped {live['drops']}; "
            f"capture → decoded p50 {_number(age['p50'])} ms, p95 {_number(age['p95'])} ms, risen "
            f"by {_number(age['drift_percent'])} % (by the clock, so no gate on a shared machine).",
        ]
    return lines


def _number(value: float | None) -> str:
    return "too few" if value is None else f"{value:.2f}"
