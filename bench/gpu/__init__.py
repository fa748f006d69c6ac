"""The GPU bench: is every kernel right, and how fast is everything. One command, eight minutes.

    agreement, roofline   arithmetic without a device, tested on CPUs
    clock                 events, graphs, ceilings
    cases                 every kernel with fresh random inputs
    parts                 kernels, depth, pipeline, encoders
    report                Markdown
A part that fails says so in its place; the others are still measured.
"""

from __future__ import annotations

import platform
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict

import torch

from stereocast.bench.gpu import clock, parts
from stereocast.engine.static import Place
from stereocast.runtime import machine
from stereocast.runtime.cli.doctor_gpu import gpu_parts

GRIDS = ((392, 700), (518, 924))
FRAMES = 2000
SOAK_FRAMES = 10_800

Part = Callable[[], object]


def run(place: Place, *, say: Callable[[str], None], soak: bool = False) -> dict[str, object]:
    """Measure everything and return the report; `say` is told what begins.

    soak  also run three minutes of frames at 60 per second
    """
    device, seed = place.device, secrets.randbelow(2**31)
    began = time.monotonic()
    say("ceilings of this GPU")
    roof = clock.ceilings(device)
    wanted: dict[str, Part] = {
        "agreement": lambda: parts.agreements(place, seed=seed),
        "graph against CPU": lambda: parts.graph_equals_eager(place),
        "kernels 1080p": lambda: parts.kernel_times(place, roof),
    }
    for grid in GRIDS:
        wanted[f"depth vits {grid[0]}×{grid[1]}"] = _later(parts.depth_step, place, grid)
    for graphs in (1, 2):
        wanted[f"pipeline 1080p, {graphs} graph"] = _later(
            parts.pipeline, place, parts.HD, frames=FRAMES, graphs=graphs
        )
    wanted["pipeline 1080p, refined"] = _later(
        parts.pipeline, place, parts.HD, frames=FRAMES, refine="classic"
    )
    wanted["pipeline 4K"] = _later(parts.pipeline, place, parts.UHD, frames=FRAMES)
    wanted["encoders"] = lambda: parts.encoders(place)
    if soak:
        wanted["three minutes at 60 fps"] = _later(
            parts.pipeline, place, parts.HD, frames=SOAK_FRAMES
        )
    found: dict[str, object] = {}
    for name, part in wanted.items():
        say(name)
        found[name] = attempted(part)
        torch.cuda.empty_cache()
    return {
        "schema": "stereocast/bench-gpu/1",
        "machine": machine.facts(),
        "versions": machine.versions(),
        "gpu": _device(device),
        "probes": [asdict(part) for part in gpu_parts()],
        "seed": seed,
        "ceilings": {name: round(value, 3) for name, value in asdict(roof).items()},
        "parts": found,
        "seconds": round(time.monotonic() - began, 1),
    }


def attempted(part: Part) -> object:
    """Return what a part found, or its failure in words, so that the others go on."""
    try:
        return part()
    except Exception as error:  # whatever it is, it belongs into the report
        lines = str(error).strip().splitlines() or [""]
        return {"failed": f"{type(error).__name__}: {lines[0]}"}


def _later(call: Callable[..., object], *args: object, **named: object) -> Part:
    return lambda: call(*args, **named)


def _device(device: torch.device) -> dict[str, object]:
    facts = torch.cuda.get_device_properties(device)
    return {
        "name": facts.name,
        "capability": f"{facts.major}.{facts.minor}",
        "memory_gb": round(facts.total_memory / 1e9, 1),
        "multiprocessors": facts.multi_processor_count,
        "cuda": torch.version.cuda,
        "system": platform.platform(),
    }
