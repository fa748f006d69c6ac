"""The GPU bench's report as Markdown, for people; what is in it, comes from the JSON alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TOLD = ("barcodes", "not_shown", "server_drops")
"""Counts that are a line, not the row of a table."""


def folder_of(gpu: str) -> str:
    """Return a GPU's name as a folder's: letters, digits and dashes."""
    words = "".join(letter if letter.isalnum() else " " for letter in gpu.lower()).split()
    return "-".join(words) or "gpu"


def markdown(report: Mapping[str, Any]) -> str:
    """Return the tables of a report of `bench.gpu.run`."""
    gpu, roof = report["gpu"], report["ceilings"]
    lines = [
        f"# {gpu['name']}",
        "",
        f"Compute capability {gpu['capability']}, {gpu['memory_gb']} GB, CUDA {gpu['cuda']}; "
        f"`stereocast bench gpu`, {report['seconds']} s.",
        "",
        f"Ceilings of this run: {roof['gb_per_s']} GB/s of memory, {roof['tflop_s']} TFLOP/s of "
        f"half-precision products, {roof['launch_us']} µs per launch in a graph.",
        "",
    ]
    for name, part in report["parts"].items():
        lines += [f"## {name}", "", *_part(part), ""]
    lines += ["## What the NVIDIA path needs", "", "| part | works | detail |", "|---|---|---|"]
    lines += [
        f"| {need['name']} | {'yes' if need['works'] else 'no'} | {_cell(need['detail'])} |"
        for need in report["needs"]
    ]
    return "\n".join(lines) + "\n"


def failures(report: Mapping[str, Any]) -> list[str]:
    """Return what is wrong: parts that failed, kernels that disagree, memory that grew."""
    found = []
    for name, part in report["parts"].items():
        if "failed" in part:
            found.append(f"{name}: {part['failed']}")
        found += [
            f"{name}: {row}: {each.get('failed', 'disagrees')}"
            for row, each in part.items()
            if isinstance(each, Mapping) and ("failed" in each or each.get("agrees") is False)
        ]
        if part.get("agrees") is False:
            found.append(f"{name}: pictures differ")
        if part.get("drops"):
            found.append(f"{name}: {part['drops']} frames dropped")
        if part.get("allocations_after_warm_up"):
            found.append(f"{name}: {part['allocations_after_warm_up']} allocations after warm-up")
    return found


def _part(part: Mapping[str, Any]) -> list[str]:
    """Return a part as a table of its rows, if it has rows, and one of what is told once."""
    if "failed" in part:
        return [f"Failed: {_cell(part['failed'])}"]
    if "skipped" in part:
        return [f"Left out: {_cell(part['skipped'])}"]
    long = {key: each for key, each in part.items() if isinstance(each, str) and "\n" in each}
    rows = {
        key: each
        for key, each in part.items()
        if isinstance(each, Mapping) and key not in _TOLD and not key.endswith("ms")
    }
    told = {key: each for key, each in part.items() if key not in rows and key not in long}
    lines = _table(rows) if rows else []
    if told:
        lines += ["", "| | |", "|---|---|", *(f"| {k} | {_cell(v)} |" for k, v in told.items())]
    for key, text in long.items():
        lines += ["", f"{key}:", "", "```", text, "```"]
    return lines[1:] if lines and not lines[0] else lines


def _table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    keys = list(dict.fromkeys(key for each in rows.values() for key in each))
    return [
        f"| | {' | '.join(keys)} |",
        "|---" * (len(keys) + 1) + "|",
        *(
            f"| {name} | {' | '.join(_cell(each.get(key, '')) for key in keys)} |"
            for name, each in rows.items()
        ),
    ]


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{key} {each}" for key, each in value.items())
    elif isinstance(value, list):
        value = "; ".join(_cell(each) for each in value)
    return " ".join(str(value).replace("|", "\\|").split())
