"""`python -m stereocast.training calibrate`: how wrong a built-in depth model is where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from stereocast.engine.depth.stage import DepthStage
from stereocast.engine.errors import ConfigError

_GRID = (140, 252)
"""What models see by default."""


def calibrate(
    model: Annotated[str, typer.Argument(help="A built-in model: prior or tiny.")],
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
    python -m stereocast.training calibrate tiny
    """
    from stereocast.training import calibrate as calibration
    from stereocast.training.progress import progress

    torch.set_num_threads(1)
    stage = teacher(model)
    with progress("worlds", clips) as advance:
        result = calibration.calibrate(stage, clips=clips, frames=frames, told=lambda: advance(""))
    typer.echo(calibration.write(result, model, out))


def teacher(model: str) -> DepthStage[Any]:
    """Return the stage of a built-in model, without smoothing. Raises ConfigError for another."""
    if model == "prior":
        from stereocast.engine.depth.prior import PriorDepth

        return PriorDepth(_GRID, smoothing_s=0.0)
    if model == "tiny":
        from stereocast.engine.depth import tiny
        from stereocast.engine.runner import TorchRunner

        step = tiny.TinyStep(tiny.load_network(), _GRID)
        runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
        return tiny.TinyStage(runner, frame_size=_GRID)
    raise ConfigError(f"calibrate: '{model}' is not built in; prior and tiny are")
