"""Options that several commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from stereocast.engine.errors import StereocastError
from stereocast.engine.layout import Layout

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A TOML file, or a shipped profile: cpu."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="ROOM.KEY=VALUE", help="Override one setting; repeatable."),
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the report here as JSON.")
]
LayoutOption = Annotated[Layout, typer.Option("--layout", help="How both eyes share a picture.")]
StartOption = Annotated[
    float, typer.Option("--start", min=0, metavar="SECONDS", help="Begin here in the source.")
]
FramesOption = Annotated[
    int | None, typer.Option("--frames", min=1, help="Stop after so many frames.")
]
MaxFpsOption = Annotated[
    float | None, typer.Option("--max-fps", min=0.1, help="Drop frames above this rate.")
]
MaxHeightOption = Annotated[
    int | None, typer.Option("--max-height", min=16, help="Scale the source down to this height.")
]
CurveOption = Annotated[
    Path | None,
    typer.Option("--curve", metavar="FOLDER", help="Keys made by `stereocast keys`."),
]


def write_json(path: Path | None, report: dict[str, object]) -> None:
    """Write a report, if a path was given. Raises StereocastError where that fails."""
    if path is None:
        return
    try:
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StereocastError(f"{path}: cannot write the report: {error.strerror}") from None


def say(notes: Iterable[str]) -> None:
    """Print what was decided on the user's behalf, one line each, beside the results."""
    for note in notes:
        typer.echo(f"note: {note}", err=True)
