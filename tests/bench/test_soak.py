"""`bench soak`: what it calls growth, and what it lets pass. It lives in tests/cli."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stereocast.bench.soak.report import failures
from stereocast.bench.soak.vitals import SAMPLES, Costs, Growth, Held, theil_sen


def part(**changes: object) -> dict[str, Any]:
    """A part that held what it had to, but for what is changed."""
    held = {"fds": 9, "threads": 7}
    return {
        "done": 10,
        "wanted": 10,
        "seconds": 1.0,
        "decode_errors": 0,
        "memory": {"slope_mib_per_h": 0.5, "bound_mib_per_h": 1.0, "growth_mib": 0.1},
        "cpu_ms": {"p50": 5.0, "p95": 6.0, "drift_percent": 4.0},
        "yardstick_ms": {"p50": 1.0, "p95": 1.0, "drift_percent": 0.0},
        "held": {"before": held, "warm": held, "end": held, "after": held},
    } | changes


WRONG = {
    "came to 9 of 10": part(done=9),
    "2 pictures could not be decoded": part(decode_errors=2),
    "memory grows by 3 MiB/h": part(memory={"slope_mib_per_h": 3, "bound_mib_per_h": 1}),
    "too short to tell": part(memory={"slope_mib_per_h": None, "bound_mib_per_h": None}),
    "10 fds end, 9 warm": part(held=part()["held"] | {"end": {"fds": 10, "threads": 7}}),
    "8 threads after, 7 before": part(held=part()["held"] | {"after": {"fds": 9, "threads": 8}}),
    "p95 of CPU time rose by 12.0 %": part(cpu_ms={"drift_percent": 12.0}),
}


@pytest.mark.parametrize(("words", "wrong"), WRONG.items())
def test_each_gate_fails_on_its_own_and_says_so(words: str, wrong: dict[str, Any]) -> None:
    assert failures({"parts": {"x": part()}}) == []
    (said,) = failures({"parts": {"x": wrong}})
    assert said.startswith(f"x: {words}")


def test_what_the_machine_takes_is_not_the_streams_drift() -> None:
    slowed = part(cpu_ms={"drift_percent": 18.0}, yardstick_ms={"drift_percent": 9.0})
    assert failures({"parts": {"x": slowed}}) == []


def test_a_burst_does_not_bend_a_slope() -> None:
    x = np.arange(50.0)
    y = 2 * x + 1
    y[20:30] += 500
    assert theil_sen(x, y) == pytest.approx(2, abs=0.5)


def test_costs_that_rise_by_a_fifth_are_seen_to_and_few_tell_nothing() -> None:
    chance = np.random.default_rng(0)
    costs, few = Costs(2000), Costs(2000)
    for index in range(2000):
        costs.add((1 + index / 2000 * 0.25) * chance.uniform(9, 10))
    few.add(1.0)
    drift = costs.report()["drift_percent"]
    assert drift is not None and 10 < drift < 25
    assert few.report()["drift_percent"] is None


def test_a_leak_is_growth_and_a_plateau_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def grown(mib_at: Any) -> dict[str, float | None]:
        growth = Growth()
        for step in range(1, SAMPLES + 1):
            monkeypatch.setattr(
                "stereocast.bench.soak.vitals.resident_mib", lambda s=step: mib_at(s / SAMPLES)
            )
            growth.look(step / SAMPLES)
        return growth.report(0.2)

    leak = grown(lambda done: 100 + 8 * done)
    plateau = grown(lambda done: 100 + 20 * min(done, 0.4))
    assert leak["slope_mib_per_h"] == pytest.approx(40)
    assert leak["bound_mib_per_h"] == pytest.approx(20)
    assert plateau["slope_mib_per_h"] == 0


def test_a_file_and_a_thread_left_open_are_counted(tmp_path: Path) -> None:
    before, release = Held.now(), threading.Event()
    with (tmp_path / "open").open("w"):
        thread = threading.Thread(target=release.wait)
        thread.start()
        during = Held.now()
        release.set()
        thread.join()
    assert (during.fds, during.threads) == (before.fds + 1, before.threads + 1)
    assert not during.within(before)
