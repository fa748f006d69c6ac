"""The session on an NVIDIA GPU: what fits its memory, and what it is told first.

What runs the networks there is chosen in `gpu_stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch

from stereocast.engine.depth.keyed import KeyedDepth
from stereocast.engine.errors import ConfigError, MissingDependency, StereocastError
from stereocast.engine.frame import Frame
from stereocast.engine.layout import Layout
from stereocast.engine.session import DepthConfig, EngineConfig, Session
from stereocast.engine.static import Place
from stereocast.kernels.compiler import CompileError, CompilerMissing
from stereocast.kernels.loader import LaunchError, Loader, UnsupportedDevice
from stereocast.runtime.depth import OpenedDepth
from stereocast.runtime.gpu_stages import GpuFiles, gpu_depth, gpu_refiner
from stereocast.runtime.refiner import OpenedRefiner

Made = TypeVar("Made")

GRIDS = ((518, 924), (392, 700), (252, 448), (140, 252))
"""Grids of the profiles, from the largest: where one does not fit, the next one is tried."""


@dataclass(frozen=True)
class OnGpu:
    """A session on a GPU, its exchangeable stages and what was decided, one line each."""

    session: Session
    depth: OpenedDepth
    refiner: OpenedRefiner
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
    files: GpuFiles, keyed: bool = False,
) -> OnGpu:  # fmt: skip
    """Return the session at the largest grid that fits, at most the configured one.

    keyed  let depth be moved between the frames in which it is estimated

    It has made a frame of every kind, so that what does not work is known now. Raises
    StereocastError in one line, whatever the device refuses.
    """

    def build(depth_config: DepthConfig) -> OnGpu:
        with place.entered():
            depth = gpu_depth(depth_config, frame_size, place, files)
            refiner = gpu_refiner(config.refine, depth, place, files)
            stage = KeyedDepth(depth.stage) if keyed else depth.stage
        session = Session(
            frame_size, replace(config, depth=depth_config), layout=layout, depth=stage,
            refine=refiner.stage, place=place,
        )  # fmt: skip
        black = torch.zeros(3, *frame_size, dtype=torch.uint8)
        for number in range(2 if keyed else 1):
            session.step(Frame(black, number, number), may_move_depth=number > 0)
        session.reset()
        return OnGpu(session, depth, refiner, (*depth.notes, *refiner.notes))

    try:
        made, notes = largest_that_fits(config.depth, build)
    except (CompileError, LaunchError, UnsupportedDevice) as error:
        raise StereocastError(f"device.name = cuda: {error}") from error
    except torch.OutOfMemoryError as error:
        raise StereocastError(
            "device.name = cuda: not even the smallest grid fits the GPU's free memory; make room "
            "there, or say --set device.name=cpu"
        ) from error
    ran = f"the engine runs in: {made.session.executor}; {made.depth.model}: {made.depth.runner}"
    return replace(made, notes=(ran, *notes, *made.notes))


def largest_that_fits(
    config: DepthConfig, build: Callable[[DepthConfig], Made]
) -> tuple[Made, tuple[str, ...]]:
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


def _smaller(config: DepthConfig) -> Iterator[DepthConfig]:
    """Yield the configuration, then those of smaller profiles."""
    yield config
    for height, width in GRIDS:
        if height * width < config.height * config.width:
            yield replace(config, height=height, width=width)
