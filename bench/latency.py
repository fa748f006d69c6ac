"""Capture to decoded, for real: a stream in one process, viewers in others, barcodes in pixels."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from stereocast.bench.processes import Command, streaming
from stereocast.runtime import machine

IDLE_GOAL_MS = {"p50": 45.0, "p95": 80.0}
"""Capture to decoded at 2560×720, 30 fps over ipc on an idle machine with two cores."""
FULL_WORK = ("--set", "live.degrade=off")
"""What is measured is all of the work, also where that is too much for the machine."""


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
        options = ("--latency-strip", *FULL_WORK, *scenario.options)
        with streaming(scenario.source, folder, *options) as address:
            reports = _watch_all(scenario, address, folder)
        server = json.loads((folder / "live.json").read_text())
        viewers = {name: json.loads(path.read_text()) for name, path in reports.items()}
    for viewer in viewers.values():
        del viewer["config"]["address"]  # a folder that is gone by now
    return {
        "schema": "stereocast/bench-latency/1",
        "machine": before,
        "load_after": machine.facts()["load_1_5_15"],
        "source": scenario.source,
        "idle_goal_ms": IDLE_GOAL_MS,
        "server": server,
        "viewers": viewers,
    }


def _watch_all(scenario: Scenario, address: str, folder: Path) -> dict[str, Path]:
    """Let every viewer join in turn and watch until the same moment; return their reports."""
    span_s = scenario.seconds + sum(viewer.joins_s for viewer in scenario.viewers)
    reports = {}
    running: list[Command] = []
    try:
        for number, viewer in enumerate(scenario.viewers):
            time.sleep(viewer.joins_s)
            span_s -= viewer.joins_s
            report = reports[viewer.name] = folder / f"{number}.json"
            options = ["--seconds", f"{span_s:g}", "--slow", f"{viewer.slow_ms:g}"]
            running.append(Command("watch", address, "--measure", *options, "--json", str(report)))
        for command in running:
            command.finish(span_s)
    finally:
        for command in running:
            command.kill()
    return reports
