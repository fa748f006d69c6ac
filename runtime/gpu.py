"""The session on an NVIDIA GPU: networks in PyTorch inside the graph, and what fits its memory.

Plans of TensorRT take the place of PyTorch where somebody hands a runner over; that is not chosen
here yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from stereocast.engine.depth import tiny, vda
from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.stage import DepthStage
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.depth.vda.step import halve
from stereocast.engine.errors import (
    ConfigError,
    MissingDependency,
    ModelError,
    StereocastError,
)
from stereocast.engine.frame import Frame
from stereocast.engine.layout import Layout
from stereocast.engine.models import Output
from stereocast.engine.runner import TorchRunner
from stereocast.engine.session import DepthConfig, EngineConfig, Session
from stereocast.engine.static import Place
from stereocast.kernels.compiler import CompileError, CompilerMissing
from stereocast.kernels.loader import LaunchError, Loader, UnsupportedDevice
from stereocast.runtime.models.checkpoint import read_state_dict
from stereocast.runtime.models.store import ModelStore

GRIDS = ((518, 924), (392, 700), (252, 448), (140, 252))
"""Grids of the profiles, from the largest: where one does not fit, the next one is tried."""


@dataclass(frozen=True)
class OnGpu:
    """A session on a GPU, its depth stage and what was decided, one line each."""

    session: Session
    stage: DepthStage[Any]
    notes: tuple[str, ...]


def gpu_place(index: int, cache: Path | None) -> Place:
    """Return the GPU with this number and a loader of kernels for it.

    Raises MissingDependency that says what is missing and what to install.
    """
    if not torch.cuda.is_available():
        built = "has no CUDA" if torch.version.cuda is None else "finds no CUDA device"
        raise MissingDependency(
            f"device.name = cuda: PyTorch {torch.__version__} {built}; install a driver and a "
            "build of PyTorch for CUDA: https://pytorch.org/get-started/locally"
        )
    if index >= torch.cuda.device_count():
        raise ConfigError(f"device.index: there is no GPU {index}, of {torch.cuda.device_count()}")
    try:
        return Place(torch.device("cuda", index), Loader(cache))
    except CompilerMissing as error:
        raise MissingDependency(str(error)) from None


def open_on_gpu(
    frame_size: tuple[int, int], config: EngineConfig, layout: Layout, *, place: Place,
    store: ModelStore,
) -> OnGpu:  # fmt: skip
    """Return the session at the largest grid that fits, at most the configured one.

    It has made one frame, so that what does not work is known now. Raises StereocastError in one
    line, whatever the device refuses.
    """

    def build(depth_config: DepthConfig) -> tuple[Session, DepthStage[Any]]:
        with place.entered():
            depth = gpu_depth(depth_config, frame_size, place, store)
        settings = replace(config, depth=depth_config)
        session = Session(frame_size, settings, layout=layout, depth=depth, place=place)
        session.step(Frame(torch.zeros(3, *frame_size, dtype=torch.uint8), 0, 0))
        session.reset()
        return session, depth

    try:
        (session, stage), notes = largest_that_fits(config.depth, build)
    except (CompileError, LaunchError, UnsupportedDevice) as error:
        raise StereocastError(f"device.name = cuda: {error}") from error
    except torch.OutOfMemoryError as error:
        raise StereocastError(
            "device.name = cuda: not even the smallest grid fits the GPU's free memory; make room "
            "there, or say --set device.name=cpu"
        ) from error
    return OnGpu(session, stage, (f"the engine runs in: {session.executor}", *notes))


def largest_that_fits(
    config: DepthConfig, build: Callable[[DepthConfig], Any]
) -> tuple[Any, tuple[str, ...]]:
    """Return what `build` makes of the first grid whose memory suffices, and what to say of it.

    Raises torch.OutOfMemoryError of the smallest.
    """
    notes: tuple[str, ...] = ()
    candidates = list(_smaller(config))
    for number, candidate in enumerate(candidates):
        try:
            return build(candidate), notes
        except torch.OutOfMemoryError:
            if number + 1 == len(candidates):
                raise
            torch.cuda.empty_cache()
            after = candidates[number + 1]
            notes += (
                f"depth at {candidate.height}×{candidate.width} does not fit the GPU's memory: "
                f"{after.height}×{after.width} is tried",
            )
    raise AssertionError("there is always a candidate")


def gpu_depth(
    config: DepthConfig, frame_size: tuple[int, int], place: Place, store: ModelStore
) -> DepthStage[Any]:
    """Return the stage of `config.model`; networks that exist as ONNX files alone are refused."""
    grid = config.grid_for(frame_size)
    if config.model == "prior":
        return PriorDepth(grid, frame_size=frame_size, smoothing_s=config.smoothing_s)
    if config.model == "tiny":
        with torch.device("cpu"):
            step = tiny.TinyStep(tiny.load_network(), grid).halved()
        step = step.to(place.device)
        runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
        return tiny.TinyStage(runner, frame_size=frame_size, device=place.device)
    stored = store.get(config.model)
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
    stage = half_precision_stage(network, grid, frame_size, place, config)
    return StreamedDepth(stage, output=stored.output)


def half_precision_stage(
    network: vda.VideoDepth, grid: tuple[int, int], frame_size: tuple[int, int], place: Place,
    config: DepthConfig,
) -> vda.DepthStage:  # fmt: skip
    """Return the streaming stage in half precision on the GPU, with the ring of hidden states."""
    with torch.device("cpu"):
        step = halve(vda.StreamingStep(network, grid, cache="u", storage=torch.float16))
    step = step.to(place.device)
    runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    return vda.DepthStage.on(
        runner, frame_size=frame_size, memory=config.memory(), device=place.device
    )


def _smaller(config: DepthConfig) -> Iterator[DepthConfig]:
    """Yield the configuration, then those of smaller profiles."""
    yield config
    for height, width in GRIDS:
        if height * width < config.height * config.width:
            yield replace(config, height=height, width=width)
