"""Time on a GPU, by events in its stream; ceilings of memory, products and launches.

On the CPU, where the bench is rehearsed, the same calls are timed by the clock of the process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch

from stereocast.bench.gpu.roofline import Ceilings, percentile, rate_gb_per_s

_WARM_UP = 5
_FEWEST = 10


@dataclass(frozen=True)
class Loads:
    """How much the ceilings are measured with: bytes copied, side of the product."""

    copied: int = 256 << 20
    side: int = 8192


def ms_of(
    call: Callable[[], object], device: torch.device, *, calls: int = 50, limit_s: float = 30.0
) -> list[float]:
    """Return milliseconds of every call, after a warm-up; caches are as the call left them.

    limit_s  fewer calls, but ten at least, where all would take longer
    """
    for _ in range(_WARM_UP):
        call()
    first = _timed(call, device, 3)
    calls = max(_FEWEST, min(calls, int(limit_s * 1e3 / max(1e-3, min(first)))))
    return _timed(call, device, calls)


def captured_ms(
    call: Callable[[], object], device: torch.device, *, calls: int = 50, limit_s: float = 30.0
) -> list[float]:
    """Return milliseconds of every replay of a graph of `call`: what launches cost is not in it."""
    if device.type != "cuda":
        return ms_of(call, device, calls=calls, limit_s=limit_s)
    stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            call()
    torch.cuda.synchronize(device)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        call()
    return ms_of(graph.replay, device, calls=calls, limit_s=limit_s)


def ceilings(device: torch.device, loads: Loads | None = None) -> Ceilings:
    """Measure what memory, half-precision products and empty launches reach, here and now."""
    loads = loads or Loads()
    source = torch.zeros(loads.copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = percentile(ms_of(lambda: target.copy_(source), device, calls=20), 0.5)
    a, b = torch.zeros(2, loads.side, loads.side, dtype=torch.float16, device=device)
    product = percentile(ms_of(lambda: a @ b, device, calls=10), 0.5)
    tiny = torch.zeros(1, device=device)
    chain = 100

    def launches() -> None:
        for _ in range(chain):
            tiny.add_(1)

    launched = percentile(captured_ms(launches, device, calls=20), 0.5)
    return Ceilings(
        gb_per_s=rate_gb_per_s(2 * source.numel(), copied),
        tflop_s=2 * loads.side**3 / product / 1e9,
        launch_us=launched / chain * 1e3,
    )


def wait_for(device: torch.device) -> None:
    """Wait until the device has done all it was told to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def memory_of(device: torch.device) -> tuple[int, int]:
    """Return how often PyTorch allocated there so far, and the bytes it holds; zeros on the CPU."""
    if device.type != "cuda":
        return 0, 0
    count = torch.cuda.memory_stats(device)["allocation.all.allocated"]
    return int(count), torch.cuda.memory_allocated(device)


def _timed(call: Callable[[], object], device: torch.device, calls: int) -> list[float]:
    if device.type != "cuda":
        moments = [time.perf_counter()]
        for _ in range(calls):
            call()
            moments.append(time.perf_counter())
        return [1e3 * (after - before) for before, after in pairwise(moments)]
    stamps = [_event() for _ in range(calls + 1)]
    torch.cuda.synchronize(device)
    stamps[0].record()
    for stamp in stamps[1:]:
        call()
        stamp.record()
    torch.cuda.synchronize(device)
    return [a.elapsed_time(b) for a, b in pairwise(stamps)]


def _event() -> torch.cuda.Event:
    event: torch.cuda.Event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    return event
