"""Waiting for what must happen, without a word about how fast the machine is.

A test that sleeps guesses. A test that waits for the fact itself is right on every machine, and
fast on a fast one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 30.0
"""What takes longer never comes: generous, because only a failing test waits for it."""
LOOK_S = 0.01


def eventually(is_so: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
    """Wait until something is so; fail if that is not within `within_s`."""
    end_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end_s, f"not so within {within_s:g} s"
        time.sleep(LOOK_S)


def soonest(attempts: int, limit_s: float, attempt: Callable[[], float]) -> float:
    """Return the shortest of up to `attempts` durations; the first within `limit_s` is enough.

    For bounds of time: one stolen moment of a busy machine costs one attempt, not the test, and
    what is always too slow has no attempt that passes.
    """
    taken_s: list[float] = []
    for _ in range(attempts):
        taken_s.append(attempt())
        if taken_s[-1] <= limit_s:
            break
    return min(taken_s)
