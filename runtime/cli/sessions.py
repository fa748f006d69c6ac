"""A session with the depth model that the configuration names; the one place that may export it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from stereocast.engine.layout import Layout
from stereocast.runtime.cli.cache import cache_folder, models_folder
from stereocast.runtime.cli.outcome import say

if TYPE_CHECKING:
    from stereocast.engine.depth.vda import VideoDepth
    from stereocast.engine.session import Session
    from stereocast.runtime.config import Config
    from stereocast.runtime.depth import OpenedDepth


def with_model(model: str | None, settings: Sequence[str] | None) -> list[str]:
    """Return `settings` for the configuration, with what --model stands for as the last one."""
    chosen = [] if model is None else [f"depth.model={json.dumps(model)}"]
    return [*(settings or ()), *chosen]


def open_session(
    frame_size: tuple[int, int], config: Config, layout: Layout
) -> tuple[Session, OpenedDepth]:
    """Return the session, and what its depth was opened with; that is said, too.

    Raises ModelError in one line where the model is not here, naming what to run.
    """
    from stereocast.engine.session import Session
    from stereocast.runtime.depth import DepthFiles, open_depth
    from stereocast.runtime.models.store import ModelStore

    files = DepthFiles(ModelStore(models_folder()), config.threads.networks, _export)
    depth = open_depth(config.depth, frame_size, files)
    say(depth.notes)
    if depth.model != "prior":
        height, width = depth.stage.grid
        say([f"depth by {depth.model} at {height}×{width}, {depth.runner}"])
    return Session(frame_size, config.engine(), layout=layout, depth=depth.stage), depth


def _export(network: VideoDepth, name: str, grid: tuple[int, int], precision: str) -> Path:
    from stereocast.export.store import Export, ExportPrecision, obtain, weights_digest

    wanted = cast("ExportPrecision", precision)
    export = Export(name, weights_digest(network.state_dict()), grid, wanted)
    return obtain(network, export, cache_folder() / "exports", say=_announce)


def _announce(what: str) -> None:
    typer.echo(f"{what}: once, some seconds …", err=True)
