"""One clock for every bench: process CPU time, medians, and yardsticks measured in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class CpuTime:
    """CPU milliseconds of one call: process time of all threads, over several rounds."""

    median_ms: float
    min_ms: float
    max_ms: float

    def report(self) -> dict[str, float]:
        """Return the values rounded to a microsecond."""
        return {name: round(value, 3) for name, value in vars(self).items()}


def cpu_time(call: Callable[[], object], *, rounds: int = 9, calls: int = 10) -> CpuTime:
    """Return the CPU time of one `call`, after a warm-up, as statistics over `rounds`."""
    for _ in range(3):
        call()
    samples = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(calls):
            call()
        samples.append((time.process_time() - began) * 1e3 / calls)
    return CpuTime(statistics.median(samples), min(samples), max(samples))


def memory_copy(mebibytes: int = 64) -> CpuTime:
    """Return the CPU time of copying `mebibytes` MiB once: how fast memory is right now."""
    source = torch.zeros(mebibytes << 20, dtype=torch.uint8)
    target = torch.empty_like(source)
    return cpu_time(lambda: target.copy_(source), calls=3)
