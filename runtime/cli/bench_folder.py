"""`stereocast bench depth-quality --folder`: depth models on a recorded clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stereocast.runtime.cli.progress import progress
from stereocast.runtime.cli.sessions import depth_files

if TYPE_CHECKING:
    from stereocast.engine.depth.stage import DepthStage

DEFAULT_MODEL = "tiny"


def score_folder(
    folder: Path, layout: str | None, model: str | None, frames: int
) -> dict[str, Any]:
    """Return the report on a folder's first frames; says aloud which layout was guessed."""
    import torch

    from stereocast.bench.depth_quality.folder_run import FolderPlan, run
    from stereocast.bench.depth_quality.folders.layouts import guess

    chosen = layout
    if chosen is None:
        chosen = guess(folder)
        typer.echo(f"{folder}: laid out as {chosen}; --layout names another", err=True)
    torch.set_num_threads(1)
    plan = FolderPlan(folder, chosen, frames, model or DEFAULT_MODEL)
    with progress("depth quality", frames + len(plan.methods()), unit="steps") as advance:
        return run(plan, _opened, lambda _: advance())


def _opened(model: str, frame_size: tuple[int, int]) -> DepthStage[Any]:
    from stereocast.engine.session import DepthConfig
    from stereocast.runtime.depth import open_depth

    return open_depth(DepthConfig(model=model), frame_size, depth_files(1)).stage
