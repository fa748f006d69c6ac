"""`stereocast bench depth-quality`: how true and steady refined depth is, beside every baseline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from stereocast.engine.errors import ConfigError
from stereocast.runtime.cli.bench_stereo import check_markdown, picture_size, write_text
from stereocast.runtime.cli.options import JsonOption
from stereocast.runtime.cli.outcome import write_json
from stereocast.runtime.cli.progress import progress


def depth_quality(
    *,
    clips: Annotated[
        int, typer.Option(min=1, max=1000, metavar="COUNT", help="Held-out worlds.")
    ] = 24,
    frames: Annotated[
        int, typer.Option(min=8, max=1000, metavar="COUNT", help="Frames of each.")
    ] = 64,
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Grid of the depth.")] = (
        "128x96"
    ),
    long: Annotated[
        int, typer.Option(min=0, metavar="COUNT", help="Worlds of 300 frames, for drift.")
    ] = 0,
    weights: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="A trained network, mamba-… or none-…; repeat it."),
    ] = None,
    proxy: Annotated[
        bool, typer.Option("--proxy", help="The teacher says nothing of its errors.")
    ] = False,
    cache: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep rendered worlds here.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write x-t slices and strips here (PNG).")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the tables here.")
    ] = None,
    json: JsonOption = None,
) -> None:
    """Measure how true and how steady refined depth is.

    Worlds that no training has seen, a teacher with the faults of depth networks, and every way to
    steady it: exponential and bilateral smoothing, the filter of `refine.mode = classic`, and the
    networks of `net`, the shipped ones where no --weights are given.

    \b
    Examples:
      stereocast bench depth-quality --clips 6 --frames 32
      stereocast bench depth-quality --pictures looks --markdown depth.md
      stereocast bench depth-quality --weights mamba-7=run/weights.safetensors
    """
    import torch

    from stereocast.bench.depth_quality import run as bench
    from stereocast.bench.depth_quality.clips import FIRST_SEED, HeldOut
    from stereocast.training.refine_clips import ClipShape

    check_markdown(markdown)
    width, height = picture_size(size)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as draft:
        folder = cache or Path(draft)
        plan = bench.Plan(
            held_out=HeldOut(folder, ClipShape(frames, height, width), clips),
            long=HeldOut(folder, ClipShape(300, height, width), long, FIRST_SEED + 10_000)
            if long
            else None,
            weights=_named(weights) if weights else bench.built_in_weights(),
            proxy=proxy,
        )
        with progress("depth quality", plan.steps(), unit="clips") as advance:
            report = bench.run(plan, lambda _: advance())
        if pictures is not None:
            few = HeldOut(folder, plan.held_out.shape, min(clips, 4)).load(lambda: None)
            for file in bench.draw(plan, pictures, few):
                typer.echo(str(file), err=True)
    typer.echo(report["markdown"])
    if markdown is not None:
        write_text(markdown, report["markdown"] + "\n")
    write_json(json, report)


def _named(weights: list[str]) -> dict[str, Path]:
    named = {}
    for each in weights:
        name, equals, file = each.partition("=")
        if not (equals and name and file):
            raise ConfigError(f"--weights {each}: expected NAME=FILE, as in mamba-1=w.safetensors")
        named[name] = Path(file)
    return named
