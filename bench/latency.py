"""Capture to decoded, for real: a stream in one process, viewers in others, barcodes in pixels."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stereocast.engine.errors import StereocastError
from stereocast.runtime import machine

IDLE_GOAL_MS = {"p50": 45.0, "p95": 80.0}
"""Capture to decoded at 2560×720, 30 fps over ipc on an idle machine with two cores."""

_STARTING_S = 60.0
_ENDING_S = 30.0


@dataclass(frozen=True)
class Viewer:
    """One `stereocast watch --measure` of a scenario.

    joins_s  seconds after the one before it joined
    """

    name: str
    slow_ms: float = 0.0
    joins_s: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """A stream and who watches it."""

    source: str = "testsrc:"
    seconds: float = 20.0
    viewers: tuple[Viewer, ...] = (Viewer("viewer"),)
    options: tuple[str, ...] = field(default_factory=tuple)


SLOW_FIRST = (Viewer("slow, 100 ms a frame", slow_ms=100.0), Viewer("fast", joins_s=3.0))
"""The slow viewer joins first; the fast one must not suffer."""


def run(scenario: Scenario) -> dict[str, object]:
    """Stream and measure; return the server's and every viewer's report.

    Raises StereocastError with the process's own words if one of them fails.
    """
    before = machine.facts()
    with tempfile.TemporaryDirectory(prefix="stereocast-bench-") as name:
        folder = Path(name)
        address = f"ipc://{folder / 'stream'}"
        span_s = scenario.seconds + sum(viewer.joins_s for viewer in scenario.viewers)
        live = _start(
            "live", scenario.source, "--address", address, "--latency-strip",
            "--json", str(folder / "live.json"), *scenario.options,
        )  # fmt: skip
        running = [live]
        try:
            _wait_for(folder / "stream", live)
            for number, viewer in enumerate(scenario.viewers):
                time.sleep(viewer.joins_s)
                running.append(_watch(address, viewer, folder / f"{number}.json", span_s))
                span_s -= viewer.joins_s
            for process in running[1:]:
                _finish(process, span_s + _ENDING_S + sum(v.joins_s for v in scenario.viewers))
            live.terminate()
            _finish(live, _ENDING_S)
        finally:
            for process in running:
                process.kill()
                process.communicate()
        viewers = {
            viewer.name: json.loads((folder / f"{number}.json").read_text())
            for number, viewer in enumerate(scenario.viewers)
        }
        server = json.loads((folder / "live.json").read_text())
    return {
        "schema": "stereocast/bench-latency/1",
        "machine": before,
        "load_after": machine.facts()["load_1_5_15"],
        "source": scenario.source,
        "idle_goal_ms": IDLE_GOAL_MS,
        "server": server,
        "viewers": viewers,
    }


def unexplained_ms(report: dict[str, Any]) -> float:
    """Return how far the sum of a viewer's mean stages is from its mean total: 0 by construction.

    Percentiles of stages do not add up; what must is every single frame, and so the medians' sum
    stays near the median of the total. This is that difference.
    """
    stages = sum(stage["p50"] for stage in report["stages_ms"].values())
    return float(stages - report["total_ms"]["p50"])


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stereocast.runtime.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _watch(address: str, viewer: Viewer, report: Path, seconds: float) -> subprocess.Popen[str]:
    return _start(
        "watch", address, "--measure", "--seconds", f"{seconds:g}",
        "--slow", f"{viewer.slow_ms:g}", "--json", str(report),
    )  # fmt: skip


def _wait_for(socket: Path, live: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _STARTING_S
    while not socket.exists():
        if live.poll() is not None or time.monotonic() > deadline:
            live.kill()
            raise StereocastError(f"the stream did not start: {live.communicate()[1].strip()}")
        time.sleep(0.05)


def _finish(process: subprocess.Popen[str], timeout_s: float) -> None:
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise StereocastError(f"{_name(process)} did not end within {timeout_s:g} s") from None
    if process.returncode != 0:
        raise StereocastError(f"{_name(process)} failed: {(errors or output).strip()}")


def _name(process: subprocess.Popen[str]) -> str:
    """Return the command of `stereocast` that a process runs."""
    assert isinstance(process.args, list)
    return f"stereocast {process.args[3]}"
