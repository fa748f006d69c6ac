"""The GPU bench's report as Markdown, for people; what is in it, comes from the JSON alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
    lines += ["## What the machine has", "", "| part | works | detail |", "|---|---|---|"]
    lines += [
        f"| {probe['name']} | {'yes' if probe['works'] else 'no'} | {_cell(probe['detail'])} |"
        for probe in report["probes"]
    ]
    return "\n".join(lines) + "\n"


def failures(report: Mapping[str, Any]) -> list[str]:
    """Return what is wrong: parts that failed, kernels that disagree, memory that grew."""
    found = []
    for name, part in report["parts"].items():
        if "failed" in part:
            found.append(f"{name}: {part['failed']}")
        if name == "agreement" and "failed" not in part:
            found += [f"{case} disagrees" for case, each in part.items() if not each["agrees"]]
        if part.get("agrees") is False:
            found.append(f"{name}: pictures differ")
        if part.get("allocations_after_warm_up"):
            found.append(f"{name}: {part['allocations_after_warm_up']} allocations after warm-up")
    return found


def _part(part: Mapping[str, Any]) -> list[str]:
    if "failed" in part:
        return [f"Failed: {_cell(part['failed'])}"]
    if part and all(isinstance(each, Mapping) for each in part.values()):
        keys = list(dict.fromkeys(key for each in part.values() for key in each))
        return [
            f"| | {' | '.join(keys)} |",
            "|---" * (len(keys) + 1) + "|",
            *(
                f"| {name} | {' | '.join(_cell(each.get(key, '')) for key in keys)} |"
                for name, each in part.items()
            ),
        ]
    return ["| | |", "|---|---|", *(f"| {key} | {_cell(value)} |" for key, value in part.items())]


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{key} {each}" for key, each in value.items())
    elif isinstance(value, list):
        value = "; ".join(_cell(each) for each in value)
    return " ".join(str(value).replace("|", "\\|").split())
