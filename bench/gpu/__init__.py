"""The GPU bench: is every kernel right, and how fast is everything. One command, eight minutes.

    plan                  how much is measured, and the time that it may take
    agreement, roofline   arithmetic without a device, tested on CPUs
    clock                 events, graphs, ceilings
    cases                 every kernel with fresh random inputs
    ways                  a network's step eager, captured and in TensorRT, against upstream
    parts, frames         kernels and the refiner; whole frames
    codecs, loopback      encoders, decoders, what the driver says; whole streams
    report                Markdown
On the CPU all of it runs as a rehearsal, so that the first run on a GPU meets no typing mistake.
"""

from __future__ import annotations

import platform
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from stereocast.bench.gpu import clock, codecs, parts, ways
from stereocast.bench.gpu.frames import Setting, pipeline, soak
from stereocast.bench.gpu.loopback import loopback
from stereocast.bench.gpu.plan import Clockwork, Part, Plan, attempted
from stereocast.bench.gpu.roofline import Ceilings
from stereocast.engine.static import Place
from stereocast.runtime import machine
from stereocast.runtime.cli.doctor_gpu import gpu_parts

__all__ = ["Plan", "attempted", "run"]

_LOST = "the device was lost before this; run it alone with --part"

Keep = Callable[[dict[str, object]], None]


def run(
    place: Place, *, say: Callable[[str], None], plan: Plan | None = None, with_soak: bool = False,
    only: Collection[str] = (), keep: Keep = lambda _: None,
) -> dict[str, object]:  # fmt: skip
    """Measure everything and return the report; `say` is told what begins.

    with_soak  also make frames at the pace of a camera for `plan.soak_s`, beyond the budget
    only       names of parts, or how they begin; none: all of them
    keep       is handed the report after every part: whatever happens later, that is known
    """
    plan = plan or Plan()
    device, seed = place.device, secrets.randbelow(2**31)
    began = time.monotonic()
    found: dict[str, object] = {}
    report: dict[str, Any] = {
        "schema": "stereocast/bench-gpu/2",
        "machine": machine.facts(),
        "versions": machine.versions(),
        "gpu": _device(device),
        "needs": [asdict(part) for part in gpu_parts()],
        "seed": seed,
        "parts": found,
    }
    with _on(device):
        say("ceilings")
        roof = clock.ceilings(device, plan.loads)
        report["ceilings"] = {name: round(value, 3) for name, value in asdict(roof).items()}
        budget_s = plan.budget_s + (plan.soak_s if with_soak else 0)
        clockwork = Clockwork(budget_s, say=say)
        is_lost = False
        for part in _parts(place, plan, roof, seed, with_soak=with_soak):
            if only and not any(part.name.startswith(name) for name in only):
                continue
            found[part.name] = {"failed": _LOST} if is_lost else clockwork.run(part)
            is_lost = is_lost or not _lives(device)
            report["seconds"] = round(time.monotonic() - began, 1)
            keep(report)
    return report


def _parts(
    place: Place, plan: Plan, roof: Ceilings, seed: int, *, with_soak: bool
) -> Iterator[Part]:
    """Yield the parts, the most telling first; most of their seconds are limits, not needs."""
    yield Part("what the units say", 20, lambda _: codecs.probes(place))
    sizes = (*plan.small, plan.hd)
    yield Part("agreement", 60, lambda _: parts.agreements(place, seed=seed, sizes=sizes))
    yield Part("graph against CPU", 30,
               lambda _: parts.graph_equals_eager(place, size=plan.against_cpu))  # fmt: skip
    yield Part("kernels", 30, lambda left_s: parts.kernel_times(
        place, roof, size=plan.hd, calls=plan.kernel_calls, limit_s=left_s))  # fmt: skip
    for grid in plan.grids:
        yield Part(
            f"depth {plan.network} {grid[0]}×{grid[1]}", 50, partial(_depth, place, grid, plan)
        )
    first = plan.grids[0]
    yield Part(f"depth tiny {first[0]}×{first[1]}", 20, lambda left_s: ways.tiny_step(
        place, first, size=plan.hd, steps=plan.steps, limit_s=left_s))  # fmt: skip
    yield Part("refiner in TensorRT", 20, lambda left_s: ways.refiner_step(
        place, plan.grids[0], size=plan.hd, steps=plan.steps, limit_s=left_s))  # fmt: skip
    yield Part("refiner", 20, lambda left_s: parts.refine_step(
        place, plan.grids[0], size=plan.hd, steps=plan.steps, limit_s=left_s))  # fmt: skip
    for name, setting in _settings(plan).items():
        yield Part(f"frames, {name}", 35, partial(_frames, place, setting, plan))
    yield Part("encoders", 50, lambda left_s: codecs.encoders(
        place, size=plan.hd, frames=plan.coded, limit_s=left_s))  # fmt: skip
    yield Part("decoders", 40, lambda left_s: codecs.decoders(
        place, size=plan.hd, frames=plan.coded, limit_s=left_s))  # fmt: skip
    for source in plan.loopback:
        yield Part(
            f"loopback, {source}", plan.loopback_s + 40, partial(_loopback, place, source, plan)
        )
    if with_soak:
        yield Part(f"soak, {plan.soak_s:g} s at {plan.soak_fps:g} fps", plan.soak_s, lambda _: soak(
            place, Setting(plan.hd), seconds=plan.soak_s, fps=plan.soak_fps))  # fmt: skip


def _settings(plan: Plan) -> dict[str, Setting]:
    grid = plan.grids[0]
    return {
        "HD, one graph": Setting(plan.hd),
        "HD, two graphs": Setting(plan.hd, graphs=2),
        f"HD, {plan.network} {grid[0]}×{grid[1]}, refined": Setting(
            plan.hd, refine="net", network=plan.architecture, grid=grid
        ),
        "UHD": Setting(plan.uhd),
    }


def _depth(place: Place, grid: tuple[int, int], plan: Plan, left_s: float) -> object:
    return ways.vda_step(
        place, grid, size=plan.hd, architecture=plan.architecture, steps=plan.steps, limit_s=left_s
    )


def _frames(place: Place, setting: Setting, plan: Plan, left_s: float) -> object:
    return pipeline(place, setting, frames=plan.frames, limit_s=left_s)


def _loopback(place: Place, source: str, plan: Plan, left_s: float) -> object:
    return loopback(place, source, seconds=min(plan.loopback_s, left_s))


def _on(device: torch.device) -> Any:
    """Make it the device of all that names none: streams, events, graphs."""
    return torch.cuda.device(device if device.type == "cuda" else -1)


def _lives(device: torch.device) -> bool:
    """Whether the device still answers; some errors are the last thing that it says."""
    if device.type != "cuda":
        return True
    try:
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
    except RuntimeError:
        return False
    return True


def _device(device: torch.device) -> dict[str, object]:
    if device.type != "cuda":
        return {"name": "CPU, a rehearsal", "capability": "none", "memory_gb": 0, "cuda": "none",
                "system": platform.platform()}  # fmt: skip
    facts = torch.cuda.get_device_properties(device)
    return {
        "name": facts.name,
        "capability": f"{facts.major}.{facts.minor}",
        "memory_gb": round(facts.total_memory / 1e9, 1),
        "multiprocessors": facts.multi_processor_count,
        "cuda": torch.version.cuda,
        "system": platform.platform(),
    }
