"""`python -m stereocast.bench.depth_quality`: tune the smoothing baselines of the bench."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import torch
import typer

from stereocast.bench.depth_quality.clips import HeldOut
from stereocast.bench.depth_quality.methods import TUNED
from stereocast.bench.depth_quality.tuning import steps, tune
from stereocast.engine.errors import StereocastError
from stereocast.training.progress import progress
from stereocast.training.refine_clips import ClipShape
from stereocast.training.refine_settings import RefinerSettings

SHAPE = ClipShape(24, 96, 128)


def baselines(
    count: Annotated[int, typer.Option(min=1, help="Worlds of the refiner's training.")] = 8,
    out: Annotated[Path, typer.Option(help="File of settings to write.")] = TUNED,
) -> None:
    """Choose the settings of exponential and bilateral smoothing that the bench compares with.

    Only worlds that the refiner may learn from are looked at. About 2 minutes.

    \b
    python -m stereocast.bench.depth_quality
    """
    torch.set_num_threads(1)
    first = RefinerSettings().first_clip
    with tempfile.TemporaryDirectory() as folder:
        worlds = HeldOut(Path(folder), SHAPE, count, first)
        with progress("worlds", count) as rendered:
            clips = worlds.load(lambda: rendered(""))
    with progress("settings", count * steps()) as scored:
        settings = tune(clips, lambda: scored(""))
    document = {
        "schema": "stereocast/bench-baselines/1",
        "made_by": "python -m stereocast.bench.depth_quality",
        "first_seed": first,
        "worlds": count,
        "frames": SHAPE.frames,
        "size": [SHAPE.height, SHAPE.width],
        **settings,
    }
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(out)


if __name__ == "__main__":
    try:
        typer.run(baselines)
    except StereocastError as error:
        sys.exit(f"error: {error}")
