"""`python -m stereocast.training calibrate`: how wrong a depth model is where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from stereocast.training.calibrate import FEWEST_FRAMES

_GRID = (140, 252)
"""What models see by default."""


def calibrate(
    model: Annotated[str, typer.Argument(help="prior, tiny, or with --weights vda-small, …")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the model's JSON.")] = Path(
        "configs/reliability"
    ),
    weights: Annotated[
        Path | None, typer.Option(help="The official checkpoint of vda-….", show_default=False)
    ] = None,
    clips: Annotated[int, typer.Option(min=1, help="Worlds, before cameras of every kind.")] = 24,
    frames: Annotated[int, typer.Option(min=FEWEST_FRAMES, help="Frames of each, at most.")] = 24,
) -> None:
    """Measure how a depth model's errors change from frame to frame, for the refiner.

    \b
    python -m stereocast.training calibrate prior
    python -m stereocast.training calibrate tiny
    python -m stereocast.training calibrate vda-small --weights video_depth_anything_vits.pth
    """
    from stereocast.training import calibrate as calibration
    from stereocast.training.progress import progress
    from stereocast.training.teachers import open_teacher

    torch.set_num_threads(1)
    stage = open_teacher(model, _GRID, weights)
    with progress("worlds", clips) as advance:
        result = calibration.calibrate(stage, clips=clips, frames=frames, told=lambda: advance(""))
    typer.echo(calibration.write(result, model, out))
