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
from stereocast.training.scenes.world import KINDS, WorldClip
from stereocast.training.scenes.world.sheet import world_sheet

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
    worlds: Annotated[
        bool, typer.Option("--worlds", help="Draw worlds over their inverse depth, not rooms.")
    ] = False,
    kind: Annotated[
        str | None, typer.Option(help=f"Worlds of one kind only: {', '.join(KINDS)}.")
    ] = None,
) -> None:
    """Draw random rooms on one contact sheet, with disparity and masks of the first three.

    With --worlds: the worlds that networks learn from.

    Examples:

        python -m stereocast.training.scenes --out sheet.png --count 16

        python -m stereocast.training.scenes --out later.png --first 100 --index 40

        python -m stereocast.training.scenes --speed

        python -m stereocast.training.scenes --worlds --out sheet.png --count 64

        python -m stereocast.training.scenes --worlds --kind street --out streets.png --speed
    """
    if out is None and not speed:
        raise typer.BadParameter("say --out sheet.png, or --speed")
    torch.set_num_threads(1)  # figures are per core, and idle threads would be counted
    seeds = range(first, first + count)
    if out is not None and worlds:
        save_png(world_sheet(seeds, width=width, index=index, kind=kind), out)
    elif out is not None:
        save_png(contact_sheet(seeds, width=width, index=index), out)
    if speed:
        print("\n".join(world_speed_table(first) if worlds else speed_table(first)))


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


def world_speed_table(seed: int, *, clips: int = 6, frames: int = 10) -> list[str]:
    """Return what worlds cost at 140×252, means of CPU times, as lines of a Markdown table."""
    lines = [
        "| kind | CPU-ms per new clip | CPU-ms per frame | frames per CPU-second | primitives |",
        "|---|---|---|---|---|",
    ]
    for kind in KINDS:
        begun = time.process_time()
        made = [WorldClip(seed + number, kind=kind) for number in range(clips)]
        primitives = sum(len(clip.scene_at(0).primitives) for clip in made) / clips
        built = time.process_time()
        for clip in made:
            for index in range(frames):
                clip.frame(index)
        done = time.process_time()
        new, each = 1000 * (built - begun) / clips, 1000 * (done - built) / clips / frames
        lines.append(f"| {kind} | {new:.0f} | {each:.1f} | {1000 / each:.0f} | {primitives:.0f} |")
    return lines


if __name__ == "__main__":
    try:
        typer.run(draw)
    except StereocastError as error:
        sys.exit(f"error: {error}")
