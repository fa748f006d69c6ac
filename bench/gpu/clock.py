"""Time on a GPU, by events in its stream; ceilings of memory, products and launches."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch

from stereocast.bench.gpu.roofline import Ceilings, percentile, rate_gb_per_s

_WARM_UP = 5


def gpu_ms(call: Callable[[], object], *, calls: int = 50) -> list[float]:
    """Return milliseconds of every call, after a warm-up; caches are as the call left them."""
    for _ in range(_WARM_UP):
        call()
    stamps = [_event() for _ in range(calls + 1)]
    torch.cuda.synchronize()
    stamps[0].record()
    for stamp in stamps[1:]:
        call()
        stamp.record()
    torch.cuda.synchronize()
    return [a.elapsed_time(b) for a, b in pairwise(stamps)]


def captured_ms(call: Callable[[], object], *, calls: int = 50) -> list[float]:
    """Return milliseconds of every replay of a graph of `call`: what launches cost is not in it."""
    stream: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        call()
    return gpu_ms(graph.replay, calls=calls)


def ceilings(device: torch.device) -> Ceilings:
    """Measure what memory, half-precision products and empty launches reach, here and now."""
    source = torch.zeros(256 << 20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = percentile(gpu_ms(lambda: target.copy_(source), calls=20), 0.5)
    side = 8192
    a = torch.zeros(side, side, dtype=torch.float16, device=device)
    b = torch.zeros(side, side, dtype=torch.float16, device=device)
    product = percentile(gpu_ms(lambda: a @ b, calls=10), 0.5)
    tiny = torch.zeros(1, device=device)
    chain = 100

    def launches() -> None:
        for _ in range(chain):
            tiny.add_(1)

    launched = percentile(captured_ms(launches, calls=20), 0.5)
    return Ceilings(
        gb_per_s=rate_gb_per_s(2 * source.numel(), copied),
        tflop_s=2 * side**3 / product / 1e9,
        launch_us=launched / chain * 1e3,
    )


def _event() -> torch.cuda.Event:
    event: torch.cuda.Event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    return event
