"""`python -m stereocast.training.scenes`: draw a contact sheet, or time the rendering."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from stereocast.engine.errors import StereocastError
from stereocast.training.scenes.clip import SceneClip
from stereocast.training.scenes.contact_sheet import contact_sheet
from stereocast.training.scenes.png import save_png

SIZES = ((640, 360), (1280, 720))


def draw(
    out: Annotated[
        Path | None, typer.Option(help="PNG file to write the contact sheet to.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=256, help="How many rooms to draw.")] = 16,
    first: Annotated[int, typer.Option(min=0, help="Seed of the first room.")] = 0,
    index: Annotated[int, typer.Option(min=0, help="Which frame of each to show.")] = 0,
    width: Annotated[int, typer.Option(min=32, max=1280, help="Width of one picture.")] = 320,
    speed: Annotated[bool, typer.Option("--speed", help="Print what a frame costs.")] = False,
) -> None:
    """Draw random rooms on one contact sheet, with disparity and masks of the first three.

    Examples:

        python -m stereocast.training.scenes --out sheet.png --count 16

        python -m stereocast.training.scenes --out later.png --first 100 --index 40

        python -m stereocast.training.scenes --speed
    """
    if out is None and not speed:
        raise typer.BadParameter("say --out sheet.png, or --speed")
    torch.set_num_threads(1)  # figures are per core, and idle threads would be counted
    if out is not None:
        save_png(contact_sheet(range(first, first + count), width=width, index=index), out)
    if speed:
        print("\n".join(speed_table(first)))


def speed_table(seed: int, *, frames: int = 8) -> list[str]:
    """Return what a frame of truth costs, median of CPU times, as lines of a Markdown table."""
    lines = ["| size | CPU-ms per frame | frames per CPU-second |", "|---|---|---|"]
    for width, height in SIZES:
        clip = SceneClip(seed, height=height, width=width)
        clip.frame(0)
        spent = []
        for index in range(frames):
            begun = time.process_time()
            clip.frame(index)
            spent.append(time.process_time() - begun)
        median = sorted(spent)[len(spent) // 2]
        lines.append(f"| {width}×{height} | {1000 * median:.0f} | {1 / median:.1f} |")
    return lines


if __name__ == "__main__":
    try:
        typer.run(draw)
    except StereocastError as error:
        sys.exit(f"error: {error}")
