"""From settings to stages on a GPU: a TensorRT plan of our own cache, or PyTorch in the graph.

`auto` takes a plan that is there, `tensorrt` builds what is missing, `torch` looks at none. Depth
networks run in half precision, the refiner's in float32.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from stereocast.engine.depth import tiny, vda
from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.depth.tiny.step import AGES, MOTION
from stereocast.engine.depth.vda.step import IMAGE, SLOT_ROWS, halve
from stereocast.engine.errors import ConfigError, ModelError, StereocastError
from stereocast.engine.models import Output
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork, RunnerCorrector
from stereocast.engine.refine.weights import load_network
from stereocast.engine.runner import TorchRunner
from stereocast.engine.session import DepthConfig
from stereocast.engine.static import Place
from stereocast.engine.tensorrt_runner import TensorRTRunner
from stereocast.runtime.depth import Network, OpenedDepth
from stereocast.runtime.models.checkpoint import read_state_dict
from stereocast.runtime.models.store import ModelStore
from stereocast.runtime.refiner import OpenedCorrector, OpenedRefiner, open_refiner

Planner = Callable[[Network | RefineNetwork, str, tuple[int, int], bool], Path | None]
"""From a network, its name, a grid and whether to build it now, to a plan for the GPU in the own
cache; None: none is there and none is to be built. Raises StereocastError in one line."""

R = TypeVar("R")

IN_TORCH = "PyTorch in the graph"
IN_TENSORRT = "TensorRT in the graph"


@dataclass(frozen=True)
class GpuFiles:
    """What stages on a GPU are made from.

    planner  None: nobody finds or builds plans
    """

    store: ModelStore
    planner: Planner | None = None


def gpu_depth(
    config: DepthConfig, frame_size: tuple[int, int], place: Place, files: GpuFiles
) -> OpenedDepth:
    """Return the stage of `config.model`; networks that exist as ONNX files alone are refused.

    Raises ModelError, ConfigError, or what a plan that is demanded does not allow.
    """
    _check(config.runner, "depth.runner")
    grid = config.grid_for(frame_size)
    if config.model == "prior":
        prior = PriorDepth(grid, frame_size=frame_size, smoothing_s=config.smoothing_s)
        return OpenedDepth(prior, config.model, IN_TORCH)
    if config.model == "tiny":
        return _tiny(config, frame_size, place, files)
    stored = files.store.get(config.model)
    if stored.encoder is None:
        raise ModelError(
            f"depth.model: {stored.name} runs on the CPU alone; say --set device.name=cpu"
        )
    with torch.device("cpu"):
        network = vda.build(
            stored.encoder,
            read_state_dict(stored.path),
            metric=stored.output is Output.METRIC_DEPTH,
        )
    runner, said, notes = _runner(
        Wanted(config.runner, network, stored.name, grid, passing=(IMAGE, SLOT_ROWS)), place, files,
        plain=lambda: half_precision_runner(network, grid, place),
    )  # fmt: skip
    stage = vda.DepthStage.on(
        runner, frame_size=frame_size, memory=config.memory(), device=place.device
    )
    return OpenedDepth(StreamedDepth(stage, output=stored.output), stored.name, said, notes)


def gpu_refiner(
    config: RefineConfig, depth: OpenedDepth, place: Place, files: GpuFiles
) -> OpenedRefiner:
    """Return the stage that steadies `depth` on the GPU. Raises as `gpu_depth`."""
    _check(config.runner, "refine.runner")
    return open_refiner(config, depth, opening=partial(_corrector, place=place, files=files))


def half_precision_runner(
    network: vda.VideoDepth, grid: tuple[int, int], place: Place
) -> TorchRunner:
    """Return the streaming step in half precision on the GPU, with the ring of hidden states."""
    with torch.device("cpu"):
        step = halve(vda.StreamingStep(network, grid, cache="u", storage=torch.float16))
    step = step.to(place.device)
    return TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())


@dataclass(frozen=True)
class Wanted:
    """A network that is to run.

    runner   one of `RUNNERS`
    passing  see `TensorRTRunner`
    """

    runner: str
    network: Network | RefineNetwork
    name: str
    grid: tuple[int, int]
    passing: tuple[str, ...] | None = None


def _runner(
    wanted: Wanted, place: Place, files: GpuFiles, *, plain: Callable[[], R]
) -> tuple[TensorRTRunner | R, str, tuple[str, ...]]:
    """Return a plan's runner, or what `plain` makes; the name of it; and notes."""
    notes: tuple[str, ...] = ()
    must = wanted.runner == "tensorrt"
    if wanted.runner != "torch" and files.planner is not None:
        try:
            path = files.planner(wanted.network, wanted.name, wanted.grid, must)
            if path is not None:
                runner = TensorRTRunner(path, device=place.device, passing=wanted.passing)
                return runner, IN_TENSORRT, ()
        except StereocastError as error:
            if must:
                raise
            notes = (f"{wanted.name} runs in PyTorch: {error}",)
    if must:
        raise ConfigError(f"nothing here builds a TensorRT plan of {wanted.name}")
    return plain(), IN_TORCH, notes


def _tiny(
    config: DepthConfig, frame_size: tuple[int, int], place: Place, files: GpuFiles
) -> OpenedDepth:
    with torch.device("cpu"):
        network = tiny.load_network()
    grid = config.grid_for(frame_size)

    def plain() -> TorchRunner:
        with torch.device("cpu"):
            step = tiny.TinyStep(network, grid).halved()
        step = step.to(place.device)
        return TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())

    wanted = Wanted(config.runner, network, config.model, grid, passing=(IMAGE, MOTION, AGES))
    runner, said, notes = _runner(wanted, place, files, plain=plain)
    stage = tiny.TinyStage(runner, frame_size=frame_size, device=place.device)
    return OpenedDepth(stage, config.model, said, notes)


def _corrector(
    config: RefineConfig, grid: tuple[int, int], *, place: Place, files: GpuFiles
) -> OpenedCorrector:
    """Return the refiner's network: in PyTorch with the scan's own kernel, or a plan of it."""
    with torch.device("cpu"):
        network = load_network(config.core)
    wanted = Wanted(config.runner, network, f"refiner-{config.core}", grid)
    runner, said, notes = _runner(
        wanted, place, files, plain=lambda: copy.deepcopy(network).to(place.device)
    )
    if isinstance(runner, TensorRTRunner):
        return RunnerCorrector(runner), said, notes
    return runner, said, notes


def _check(runner: str, setting: str) -> None:
    if runner == "onnx":
        raise ConfigError(f"{setting} = onnx runs on CPUs: choose auto, torch or tensorrt")
