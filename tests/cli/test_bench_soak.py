"""`stereocast bench soak`: a short life through all its parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stereocast.bench.soak.report import markdown
from tests.commands import Stereocast


@pytest.mark.slow
def test_a_short_life_leaves_nothing_and_is_told(stereocast: Stereocast, inside: Path) -> None:
    result = stereocast(
        "bench", "soak", "--frames", 60, "--minutes", 0.15, "--connects", 12,
        "--reconfigurations", 12, "--json", "soak.json", "--markdown", "soak.md",
    )  # fmt: skip
    report = json.loads((inside / "soak.json").read_text())
    # So short a life says little of slopes and drifts; whatever it found wrong is what it exits by.
    assert result.code == (1 if report["failures"] else 0)
    assert all("memory" in line or "p95" in line for line in report["failures"])
    assert list(report["parts"]) == ["accelerated", "real time", "connects", "reconfigurations"]
    for each in report["parts"].values():
        assert each["done"] == each["wanted"]
        held = each["held"]
        assert all(held["end"][kind] <= count for kind, count in held["warm"].items())
        assert held["after"]["fds"] <= held["before"]["fds"]
    assert (inside / "soak.md").read_text() == markdown(report)
