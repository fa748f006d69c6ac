"""`python -m stereocast.training calibrate`: how wrong a built-in depth model is where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from stereocast.engine.errors import ConfigError


def calibrate(
    model: Annotated[str, typer.Argument(help="A built-in model: prior.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the model's JSON.")] = Path(
        "configs/reliability"
    ),
    clips: Annotated[int, typer.Option(min=1, help="Worlds at rest.")] = 24,
    frames: Annotated[int, typer.Option(min=8, help="Frames of each, at most.")] = 24,
) -> None:
    """Measure a depth model's flicker on worlds at rest, for the refiner.

    \b
    python -m stereocast.training calibrate prior
    """
    from stereocast.engine.depth.prior import PriorDepth
    from stereocast.training import calibrate as calibration
    from stereocast.training.progress import progress

    torch.set_num_threads(1)
    if model != "prior":
        raise ConfigError(f"calibrate: '{model}' is not built in; prior is")
    stage = PriorDepth((140, 252), smoothing_s=0.0)
    with progress("worlds", clips) as advance:
        result = calibration.calibrate(stage, clips=clips, frames=frames, told=lambda: advance(""))
    typer.echo(calibration.write(result, model, out))
