"""Options that several commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stereocast.engine.layout import Layout
from stereocast.runtime.cli.outcome import check_report

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="A TOML file, or a shipped profile: cpu, cpu-quality."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="ROOM.KEY=VALUE", help="Override one setting; repeatable."),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="The depth model, see `stereocast models list`."),
]
JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Write the report here as JSON.", callback=check_report
    ),
]
LayoutOption = Annotated[Layout, typer.Option("--layout", help="How both eyes share a picture.")]
StartOption = Annotated[
    float, typer.Option("--start", min=0, metavar="SECONDS", help="Begin here in the source.")
]
FramesOption = Annotated[
    int | None, typer.Option("--frames", min=1, metavar="COUNT", help="Stop after so many frames.")
]
MaxFpsOption = Annotated[
    float | None,
    typer.Option(
        "--max-fps", min=0.1, max=1000, metavar="FPS", help="Drop frames above this rate."
    ),
]
MaxHeightOption = Annotated[
    int | None,
    typer.Option(
        "--max-height",
        min=16,
        max=16384,
        metavar="ROWS",
        help="Scale the source down to this height.",
    ),
]
SecondsOption = Annotated[
    float | None,
    typer.Option("--seconds", min=0.1, max=1e6, metavar="SECONDS", help="Stop after this time."),
]
CurveOption = Annotated[
    Path | None,
    typer.Option("--curve", metavar="FOLDER", help="Keys made by `stereocast keys`."),
]
