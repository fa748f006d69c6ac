"""A session with the networks that the configuration names; the one place that may export them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from stereocast.engine.layout import Layout
from stereocast.runtime.cli.cache import cache_folder, kernels_folder, models_folder
from stereocast.runtime.cli.outcome import say

if TYPE_CHECKING:
    from stereocast.engine.refine.network import RefineNetwork
    from stereocast.engine.session import Session
    from stereocast.export.steps import Network
    from stereocast.runtime.config import Config
    from stereocast.runtime.depth import DepthFiles, OpenedDepth
    from stereocast.runtime.refiner import OpenedRefiner
    from stereocast.runtime.source import Source
    from stereocast.runtime.source.file_options import FileOptions


@dataclass(frozen=True)
class Opened:
    """A session, and what was decided for its exchangeable stages."""

    session: Session
    depth: OpenedDepth
    refiner: OpenedRefiner

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know, one line each."""
        return (*self.depth.notes, *self.refiner.notes)

    def report(self) -> dict[str, object]:
        """Return what a report says of the stages."""
        return {"depth_stage": self.depth.report(), "refine_stage": self.refiner.report()}


def with_model(model: str | None, settings: Sequence[str] | None) -> list[str]:
    """Return `settings` for the configuration, with what --model stands for as the last one."""
    chosen = [] if model is None else [f"depth.model={json.dumps(model)}"]
    return [*(settings or ()), *chosen]


def depth_files(threads: int) -> DepthFiles:
    """Return what depth stages are made from on this machine, networks on so many threads."""
    from stereocast.runtime.depth import DepthFiles
    from stereocast.runtime.models.store import ModelStore

    return DepthFiles(ModelStore(models_folder()), threads, _export)


def open_session(
    frame_size: tuple[int, int], config: Config, layout: Layout, *, keyed: bool = False
) -> Opened:
    """Return the session, and what its stages were opened with; that is said, too.

    keyed  let depth be moved between the frames in which it is estimated
    Raises ModelError in one line where the model is not here, naming what to run.
    """
    from stereocast.engine.depth.keyed import KeyedDepth
    from stereocast.engine.session import Session
    from stereocast.runtime.depth import open_depth
    from stereocast.runtime.refiner import open_refiner

    if config.device.name != "cpu":
        opened = _open_on_gpu(frame_size, config, layout, keyed=keyed)
        if opened is not None:
            return opened
    depth = open_depth(config.depth, frame_size, depth_files(config.threads.networks))
    say(depth.notes)
    if depth.model != "prior":
        height, width = depth.stage.grid
        say([f"depth by {depth.model} at {height}×{width}, {depth.runner}"])
    refiner = open_refiner(
        config.refine, depth, threads=config.threads.networks, exporter=_export_refiner
    )
    say(refiner.notes)
    stage = KeyedDepth(depth.stage) if keyed else depth.stage
    session = Session(frame_size, config.engine(), layout=layout, depth=stage, refine=refiner.stage)
    return Opened(session, depth, refiner)


def decoded_on_gpu(source: Source, config: Config, options: FileOptions) -> Source:
    """Return a file as a source that the GPU decodes, if that is wanted and it can; or as it is.

    options  what it was opened with. What is against the GPU, is said aloud
    """
    from stereocast.engine.errors import StereocastError
    from stereocast.runtime.gpu import gpu_place
    from stereocast.runtime.source.chip import ROADS, open_on_chip
    from stereocast.runtime.source.file import FileSource

    wanted = config.device.decode
    if wanted == "cpu" or not isinstance(source, FileSource):
        return source
    names = tuple(ROADS) if wanted == "auto" else (wanted,)
    try:
        place = gpu_place(config.device.index, kernels_folder())
    except StereocastError as error:
        say([f"the CPU decodes: {error}"])
        return source
    decoded = open_on_chip(names, source.path, options, place, tell=lambda words: say([words]))
    if decoded is None:
        say(["the CPU decodes"])
        return source
    source.close()
    return decoded


def _open_on_gpu(
    frame_size: tuple[int, int], config: Config, layout: Layout, *, keyed: bool
) -> Opened | None:
    """Return a session on the GPU; None, said aloud, where `auto` finds none that works."""
    from stereocast.engine.errors import StereocastError
    from stereocast.runtime.cli.plans import planner_for
    from stereocast.runtime.gpu import gpu_place, open_on_gpu
    from stereocast.runtime.gpu_stages import GpuFiles
    from stereocast.runtime.models.store import ModelStore

    try:
        place = gpu_place(config.device.index, kernels_folder())
        files = GpuFiles(ModelStore(models_folder()), planner_for(place.device))
        made = open_on_gpu(
            frame_size, config.engine(), layout, place=place, files=files, keyed=keyed
        )
    except StereocastError as error:
        if config.device.name == "cuda":
            raise
        say([f"the engine runs on the CPU: {error}"])
        return None
    say(made.notes)
    return Opened(made.session, made.depth, made.refiner)


def _export(network: Network, name: str, grid: tuple[int, int], precision: str) -> Path:
    from stereocast.export.store import Export, ExportPrecision, obtain, weights_digest

    wanted = cast("ExportPrecision", precision)
    export = Export(name, weights_digest(network.state_dict()), grid, wanted)
    return obtain(network, export, cache_folder() / "exports", say=_announce)


def _export_refiner(network: RefineNetwork, grid: tuple[int, int]) -> Path:
    from stereocast.export.refiner import obtain_refiner

    return obtain_refiner(network, grid, cache_folder() / "exports", say=_announce)


def _announce(what: str) -> None:
    typer.echo(f"{what}: once, some seconds …", err=True)
