"""The step of a network by every way there is on a GPU, each a row: ours, TensorRT's, upstream's.

A way that is not there says in its row what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from stereocast.bench.depth import random_network
from stereocast.bench.gpu.clock import captured_ms, ms_of
from stereocast.bench.gpu.plan import Size
from stereocast.bench.gpu.roofline import percentile, spread
from stereocast.bench.upstream import UpstreamStream
from stereocast.engine.depth import vda
from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.depth.tiny import TinyStage, TinyStep, load_network
from stereocast.engine.depth.tiny.step import AGES, MOTION
from stereocast.engine.depth.vda.architecture import Architecture
from stereocast.engine.depth.vda.step import IMAGE, SLOT_ROWS
from stereocast.engine.errors import StereocastError
from stereocast.engine.models import Output
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork, RunnerCorrector
from stereocast.engine.refine.stage import RefineInput, TemporalRefiner
from stereocast.engine.refine.weights import load_network as load_refiner
from stereocast.engine.runner import Runner, TorchRunner
from stereocast.engine.static import Place
from stereocast.engine.tensorrt_runner import TensorRTRunner
from stereocast.runtime.cli.plans import planner_for
from stereocast.runtime.depth import Network
from stereocast.runtime.gpu_stages import half_precision_runner

EAGER, CAPTURED = "PyTorch fp16, eager", "PyTorch fp16, captured"
TENSORRT = "TensorRT fp16, captured"
UPSTREAM, UPSTREAM_FULL = "upstream's way, autocast to half", "upstream's way, fp32"

Call = Callable[[], object]
Timed = Mapping[str, list[float] | str]
"""Milliseconds of every call, by the name of the way; or in words why there are none."""


def rows(timed: Timed, *, against: str = UPSTREAM) -> dict[str, object]:
    """Return a row for every way: its spread, and how often it is as fast as `against`."""
    base = timed.get(against)
    made: dict[str, object] = {}
    for name, found in timed.items():
        if isinstance(found, str):
            made[name] = {"not run": found}
            continue
        row = spread(found)
        if not isinstance(base, str) and base is not None:
            faster = percentile(base, 0.5) / max(percentile(found, 0.5), 1e-6)
            row["times as fast"] = round(faster, 2)
        made[name] = row
    return made


@dataclass(frozen=True)
class Effort:
    """How a call is timed: at most `steps` times, in at most `limit_s` seconds, on a device."""

    device: torch.device
    steps: int
    limit_s: float

    def eager(self, call: Call) -> list[float]:
        """Return milliseconds of a fourth of the calls."""
        return ms_of(call, self.device, calls=self.steps // 4, limit_s=self.limit_s)

    def captured(self, call: Call) -> list[float]:
        """Return milliseconds of replays of a graph."""
        return captured_ms(call, self.device, calls=self.steps, limit_s=self.limit_s)


def planned(
    effort: Effort, network: Network | RefineNetwork, name: str, grid: Size,
    *, passing: tuple[str, ...] | None, call_of: Callable[[Runner], Call],
) -> list[float] | str:  # fmt: skip
    """Build a plan and time its captured step; in words why that cannot be done here."""
    with TemporaryDirectory() as folder:
        try:
            path = planner_for(effort.device, Path(folder))(network, name, grid, True)
            assert path is not None
            runner = TensorRTRunner(path, device=effort.device, passing=passing)
        except StereocastError as error:
            return str(error)
        return effort.captured(call_of(runner))


def vda_step(
    place: Place, grid: Size, *, size: Size, architecture: Architecture, steps: int, limit_s: float
) -> dict[str, object]:
    """Time a frame of Video-Depth-Anything, and the same network the upstream way."""
    device, effort = place.device, Effort(place.device, steps, limit_s / 6)
    network, rgb = random_network(architecture), _picture(place, size)

    def call_of(runner: Runner) -> Call:
        stage = vda.DepthStage.on(runner, frame_size=size, device=device)
        return _repeated(lambda state: stage.step(state, rgb)[0], stage.init())

    with place.entered():
        call = call_of(half_precision_runner(network, grid, place))
        timed: dict[str, list[float] | str] = {
            EAGER: effort.eager(call),
            CAPTURED: effort.captured(call),
            TENSORRT: planned(
                effort, network, "vda-random", grid, passing=(IMAGE, SLOT_ROWS), call_of=call_of
            ),
        }
        upstream = UpstreamStream(network.to(device), grid, fused=True)
        timed[UPSTREAM_FULL] = effort.eager(lambda: upstream.step(rgb))
        half = torch.float16 if device.type == "cuda" else torch.bfloat16
        with torch.autocast(device.type, half):
            timed[UPSTREAM] = effort.eager(lambda: upstream.step(rgb))
    return rows(timed)


def tiny_step(
    place: Place, grid: Size, *, size: Size, steps: int, limit_s: float
) -> dict[str, object]:
    """Time a frame of the built-in network, its motion measured."""
    effort = Effort(place.device, steps, limit_s / 4)
    with torch.device("cpu"):
        network = load_network()
        step = TinyStep(network, grid).halved()
    rgb, dt = _picture(place, size), torch.full((1,), 1 / 60).to(place.device)

    def call_of(runner: Runner) -> Call:
        stage = TinyStage(runner, frame_size=size, device=place.device)
        return _repeated(lambda state: stage.step(state, DepthInput(rgb, dt))[0], stage.init())

    with place.entered():
        step = step.to(place.device)
        call = call_of(TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs()))
        timed = {
            EAGER: effort.eager(call),
            CAPTURED: effort.captured(call),
            TENSORRT: planned(
                effort, network, "tiny", grid, passing=(IMAGE, MOTION, AGES), call_of=call_of
            ),
        }
    return rows(timed, against=EAGER)


def refiner_step(
    place: Place, grid: Size, *, size: Size, steps: int, limit_s: float
) -> dict[str, object]:
    """Time the refiner with plans of its networks; `parts.refine_step` times it without."""
    effort = Effort(place.device, steps, limit_s / 4)
    rgb, dt = _picture(place, size), torch.full((1,), 1 / 60).to(place.device)
    depth = torch.rand(grid).to(place.device) + 0.5
    timed: dict[str, list[float] | str] = {}
    for core in ("mamba", "none"):
        with torch.device("cpu"):
            network = load_refiner(core)

        def call_of(runner: Runner, core: str = core) -> Call:
            stage = TemporalRefiner(
                RefineConfig(mode="net", core=core), grid, depth_output=Output.RELATIVE_INVERSE,
                corrector=RunnerCorrector(runner),
            )  # fmt: skip
            x = RefineInput(rgb, depth, dt)
            return _repeated(lambda state: stage.step(state, x)[0], stage.init())

        with place.entered():
            timed[f"TensorRT fp32, {core}, captured"] = planned(
                effort, network, f"refiner-{core}", grid, passing=None, call_of=call_of
            )
    return rows(timed)


def _repeated(step: Callable[[Any], Any], state: Any) -> Call:
    """Return a call that steps from the same state, which keeps its place where it is a ring."""
    return lambda: step(state)


def _picture(place: Place, size: Size) -> torch.Tensor:
    return torch.randint(0, 256, (3, *size), dtype=torch.uint8).to(place.device)
