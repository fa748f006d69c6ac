"""Options that several commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

import difflib
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from stereocast.engine.layout import Layout
from stereocast.runtime.cli.outcome import check_report

_OTHER_NAMES = MappingProxyType(
    {
        "sbs": Layout.FULL_SBS, "side-by-side": Layout.FULL_SBS, "fsbs": Layout.FULL_SBS,
        "hsbs": Layout.HALF_SBS, "half": Layout.HALF_SBS,
        "tb": Layout.FULL_TB, "ou": Layout.FULL_TB, "tab": Layout.FULL_TB,
        "top-bottom": Layout.FULL_TB, "over-under": Layout.FULL_TB,
        "htb": Layout.HALF_TB, "htab": Layout.HALF_TB, "hou": Layout.HALF_TB,
        "half-ou": Layout.HALF_TB, "half-top-bottom": Layout.HALF_TB,
        "crossed": Layout.CROSS_EYED, "cross": Layout.CROSS_EYED, "rl": Layout.CROSS_EYED,
        "red-cyan": Layout.ANAGLYPH, "redcyan": Layout.ANAGLYPH, "dubois": Layout.ANAGLYPH,
        "rgbd": Layout.RGB_DEPTH, "depth": Layout.RGB_DEPTH, "2d-plus-depth": Layout.RGB_DEPTH,
        "debug": Layout.DEBUG_GRID, "grid": Layout.DEBUG_GRID,
        "180": Layout.VR180, "vr-180": Layout.VR180, "vr": Layout.VR180,
    }
)  # fmt: skip
"""What other programs call the layouts: understood well enough to suggest ours."""


def parse_layout(text: str) -> Layout:
    """Return the layout of this name; raise BadParameter with a suggestion where there is none."""
    if text in tuple(Layout):
        return Layout(text)
    spelt = text.strip().lower().replace("_", "-").replace(" ", "-")
    names = {**_OTHER_NAMES, **{layout.value: layout for layout in Layout}}
    close = difflib.get_close_matches(spelt, names, n=1)
    hint = f" Did you mean '{names[close[0]]}'?" if close else ""
    raise typer.BadParameter(f"'{text}' is no layout.{hint} There are {', '.join(Layout)}.")


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A TOML file, or a shipped profile: cpu, cpu-quality, gpu, quality.",
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
LayoutOption = Annotated[
    Layout,
    typer.Option(
        "--layout",
        metavar="LAYOUT",
        parser=parse_layout,
        help=f"How both eyes share a picture: {', '.join(Layout)}.",
    ),
]
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
SuperviseOption = Annotated[
    bool, typer.Option("--supervise", help="Run in a child process; start it again when it dies.")
]
