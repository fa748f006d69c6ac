"""Whole frames of the GPU bench, without encoding: back to back, and at the pace of a camera."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from stereocast.bench.depth import random_network
from stereocast.bench.gpu.clock import memory_of, ms_of, wait_for
from stereocast.bench.gpu.parts import depth_on, refiner_on, session_on
from stereocast.bench.gpu.plan import Size
from stereocast.bench.gpu.roofline import spread
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.depth.vda.architecture import Architecture
from stereocast.engine.eager import Executor
from stereocast.engine.frame import Frame
from stereocast.engine.graph import CapturedStep
from stereocast.engine.models import Output
from stereocast.engine.pipeline import Input
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.session import EngineConfig, Session
from stereocast.engine.static import Place, StaticStep

_SETTLING = 60
"""Frames of a paced run before its memory is held against anything."""


@dataclass(frozen=True)
class Setting:
    """What one frame is made with.

    graphs  see `CapturedStep`
    network  of depth at `grid`; None: the geometric prior
    """

    size: Size
    graphs: int = 1
    refine: str = "off"
    network: Architecture | None = None
    grid: Size = (392, 700)

    def session(self, place: Place) -> Session:
        """Build it; networks have random weights, which cost as much as trained ones."""
        if self.network is None:
            return session_on(place, self.size, self.refine)
        weights = random_network(self.network)
        with place.entered():
            stage = depth_on(place, weights, self.grid, self.size)
            refiner = None if self.refine == "off" else refiner_on(place, self.refine, self.grid)
        config = replace(EngineConfig(), refine=RefineConfig(mode=self.refine))
        depth = StreamedDepth(stage, output=Output.RELATIVE_INVERSE)
        return Session(self.size, config, depth=depth, refine=refiner, place=place)

    def report(self) -> dict[str, object]:
        """Say it to a program."""
        depth = "prior" if self.network is None else f"network {self.grid[0]}×{self.grid[1]}"
        return {"size": list(self.size), "depth": depth, "refine": self.refine,
                "graphs": self.graphs}  # fmt: skip


def pipeline(place: Place, setting: Setting, *, frames: int, limit_s: float) -> dict[str, object]:
    """Time frames back to back, inputs on the device; count what is allocated after the first."""
    device, size = place.device, setting.size
    session = setting.session(place)
    executor = _executor(session, place, setting)
    rgb = [torch.randint(0, 256, (3, *size), dtype=torch.uint8).to(device) for _ in range(4)]
    controls = session.controls.tensor().to(device)
    dt = torch.full((1,), 1 / 60).to(device)
    count = iter(range(10**9))

    def step() -> None:
        executor.step(Input(rgb[next(count) % len(rgb)], controls, dt), mark=_silent)

    step()
    wait_for(device)
    allocations, held = memory_of(device)
    times = ms_of(step, device, calls=frames, limit_s=limit_s)
    after = memory_of(device)
    return {
        **setting.report(),
        "frames": len(times),
        "ms": spread(times),
        "allocations_after_warm_up": after[0] - allocations,
        "device_memory_mb": round(after[1] / 1e6, 1),
        "memory_growth_bytes": after[1] - held,
    }


def soak(
    place: Place,
    setting: Setting,
    *,
    seconds: float,
    fps: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, object]:
    """Make frames from the host when they are due, as from a camera; count those that were missed.

    A frame that is not begun when the next one is due is dropped. Ages are from due to done.
    """
    session = setting.session(place)
    rgb = [torch.randint(0, 256, (3, *setting.size), dtype=torch.uint8) for _ in range(4)]
    if place.device.type == "cuda":
        rgb = [picture.pin_memory() for picture in rgb]
    session.step(Frame(rgb[0], 0, 0))
    frames, drops, ages = round(seconds * fps), 0, []
    settled = began_memory = memory_of(place.device)[1]
    start = now()
    for index in range(frames):
        due = start + (index + 1) / fps
        if now() < due:
            sleep(due - now())
        elif now() >= due + 1 / fps:
            drops += 1
            continue
        session.step(Frame(rgb[index % len(rgb)], round((index + 1) / fps * 1e9), index + 1))
        ages.append(1e3 * (now() - due))
        if index == _SETTLING:
            settled = memory_of(place.device)[1]
    end_memory = memory_of(place.device)[1]
    return {
        **setting.report(),
        "frames": frames,
        "fps": fps,
        "drops": drops,
        "age_ms": spread(ages),
        "device_memory_mb": round(end_memory / 1e6, 1),
        "memory_growth_bytes": end_memory - (settled if frames > _SETTLING else began_memory),
    }


def _executor(session: Session, place: Place, setting: Setting) -> Executor:
    if not place.captures:
        return StaticStep(session._pipeline, place, frame_size=setting.size)
    return CapturedStep(session._pipeline, place, frame_size=setting.size, graphs=setting.graphs)


def _silent(stage: str) -> None:
    """Take no time."""
