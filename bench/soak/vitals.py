"""What a process holds, how it grows, and whether its work becomes dearer. No streams here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

WARM_UP = 0.2
"""Share of a part whose costs are not judged: caches fill."""
MEMORY_WARM_UP = 0.5
"""Share whose memory is not: the arena of each thread grows to what its work ever needs at once."""
SAMPLES = 200
WINDOWS = 10
LEAST_IN_WINDOW = 5
SLOPE_MIB_PER_H = 1.0
GRAIN_MIB = 2.0
"""What a dozen arenas still settle by, measured: less is no growth, however short the run."""
_LOOKING_S = 0.4
_SETTLING_S = 10.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """File descriptors and threads of this process."""

    fds: int
    threads: int

    @classmethod
    def now(cls) -> Held:
        """Count them."""
        return cls(len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))

    @classmethod
    def least(cls, wanted: Held | None = None) -> Held:
        """Return the least of several looks: what is being replaced is there twice for a moment.

        wanted  look until there is no more than that, for ten seconds: sockets close behind us
        """
        began_s, held = time.monotonic(), cls.now()
        while time.monotonic() < began_s + (_LOOKING_S if held.within(wanted) else _SETTLING_S):
            time.sleep(0.02)
            seen = cls.now()
            held = cls(min(held.fds, seen.fds), min(held.threads, seen.threads))
        return held

    def within(self, wanted: Held | None) -> bool:
        """Return whether it is no more than what is wanted."""
        return wanted is None or (self.fds <= wanted.fds and self.threads <= wanted.threads)


def resident_mib() -> float:
    """Return the memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Growth:
    """Resident memory over the progress of a part, sampled; its room is taken beforehand."""

    def __init__(self) -> None:
        self._mib = np.full(SAMPLES, np.nan)
        self._taken = 0

    def look(self, share_done: float) -> bool:
        """Sample, if it is time to; return whether it was."""
        if self._taken >= SAMPLES or share_done * SAMPLES < self._taken + 1:
            return False
        self._taken = min(SAMPLES, int(share_done * SAMPLES))
        self._mib[self._taken - 1] = resident_mib()
        return True

    def report(self, hours: float) -> dict[str, float | None]:
        """Return the slope after the warm-up, and what it may be.

        hours  of stream that the whole part stands for
        The bound is 1 MiB/h; over a stretch so short that this is less than a grain, one grain.
        """
        known = np.flatnonzero(np.isfinite(self._mib))
        known = known[known >= MEMORY_WARM_UP * SAMPLES]
        measured_h = hours * (1 - MEMORY_WARM_UP)
        if len(known) < 3 or measured_h <= 0:
            return {"slope_mib_per_h": None, "bound_mib_per_h": None, "growth_mib": None}
        places = known / SAMPLES * hours
        slope = theil_sen(places, self._mib[known])
        return {
            "slope_mib_per_h": round(slope, 3),
            "bound_mib_per_h": round(max(SLOPE_MIB_PER_H, GRAIN_MIB / measured_h), 3),
            "growth_mib": round(slope * measured_h, 3),
            "first_mib": round(float(self._mib[known[0]]), 1),
            "last_mib": round(float(self._mib[known[-1]]), 1),
        }


def theil_sen(x: Floats, y: Floats) -> float:
    """Return the median slope of all pairs of points: a burst or two does not bend it."""
    rise = y[None, :] - y[:, None]
    run = x[None, :] - x[:, None]
    return float(np.median(rise[run > 0] / run[run > 0]))


class Costs:
    """A cost of each of up to `count` events; their room is taken beforehand."""

    def __init__(self, count: int) -> None:
        self._values = np.full(count, np.nan)
        self._taken = 0

    def add(self, value: float) -> None:
        """Note one; what comes after the last is not noted."""
        if self._taken < len(self._values):
            self._values[self._taken] = value
            self._taken += 1

    @property
    def count(self) -> int:
        """How many were noted."""
        return self._taken

    def report(self) -> dict[str, float | None]:
        """Return p50 and p95 after the warm-up, and by how many per cent p95 rose since.

        The rise is that of a line through the p95 of ten windows; None: too few to tell.
        """
        values = self._values[int(WARM_UP * self._taken) : self._taken]
        if len(values) < WINDOWS * LEAST_IN_WINDOW:
            return {"p50": None, "p95": None, "drift_percent": None}
        windows = np.array_split(values, WINDOWS)
        p95 = np.array([float(np.percentile(window, 95)) for window in windows])
        rise = theil_sen(np.arange(WINDOWS, dtype=np.float64), p95) * (WINDOWS - 1)
        return {
            "p50": round(float(np.median(values)), 3),
            "p95": round(float(np.percentile(values, 95)), 3),
            "drift_percent": round(100 * rise / float(np.median(p95)), 2),
        }


class Yardstick:
    """The same small work again and again: what it costs more, the machine takes, not the stream.

    cpu_ms  CPU time of each
    """

    def __init__(self, count: int) -> None:
        self.cpu_ms = Costs(count)
        self._from = np.ones(1 << 18)
        self._to = np.zeros(1 << 18)

    def measure(self) -> None:
        """Do it once: copy 2 MiB four times."""
        began_ns = time.thread_time_ns()
        for _ in range(4):
            np.copyto(self._to, self._from)
        self.cpu_ms.add((time.thread_time_ns() - began_ns) / 1e6)


class CpuMeter:
    """CPU milliseconds of this process between two calls, all threads together."""

    def __init__(self, clock: Callable[[], int] = time.process_time_ns) -> None:
        self._clock = clock
        self._last_ns = clock()

    def lap_ms(self) -> float:
        """Return what was used since the last call."""
        now_ns = self._clock()
        used_ms = (now_ns - self._last_ns) / 1e6
        self._last_ns = now_ns
        return used_ms
