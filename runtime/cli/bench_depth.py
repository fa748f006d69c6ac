"""`stereocast bench depth-quality`: how true and steady refined depth is, beside every baseline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from stereocast.engine.errors import ConfigError
from stereocast.runtime.cli.bench_folder import score_folder
from stereocast.runtime.cli.bench_stereo import check_markdown, picture_size, write_text
from stereocast.runtime.cli.options import JsonOption, ModelOption
from stereocast.runtime.cli.outcome import write_json
from stereocast.runtime.cli.progress import progress


def depth_quality(
    *,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Score depth models on this clip instead."),
    ] = None,
    layout: Annotated[
        str | None, typer.Option(metavar="NAME", help="How FOLDER is laid out; else it is guessed.")
    ] = None,
    model: ModelOption = None,
    clips: Annotated[
        int, typer.Option(min=1, max=1000, metavar="COUNT", help="Held-out worlds.")
    ] = 24,
    frames: Annotated[
        int, typer.Option(min=8, max=1000, metavar="COUNT", help="Frames of each, or of FOLDER.")
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

    With --folder, depth models on a clip of yours: constant, row ramp, the prior, --model (tiny)
    and --model steadied. Layouts: tum, bonn, scannet, kitti, sintel, nyu, manifest.

    \b
    Examples:
      stereocast bench depth-quality --folder rgbd_dataset_freiburg1_desk --model tiny
      stereocast bench depth-quality --folder Sintel/training/final/alley_1 --layout sintel
      stereocast bench depth-quality --clips 6 --frames 32
      stereocast bench depth-quality --pictures looks --markdown depth.md
      stereocast bench depth-quality --weights mamba-7=run/weights.safetensors
    """
    check_markdown(markdown)
    if folder is not None:
        if long or weights or proxy or cache or pictures:
            raise ConfigError(
                "--long, --weights, --proxy, --cache and --pictures are for rendered worlds: "
                "leave them or --folder out"
            )
        _tell(score_folder(folder, layout, model, frames), markdown, json)
        return
    if layout is not None or model is not None:
        raise ConfigError("--layout and --model are for --folder FOLDER: name one")
    import torch

    from stereocast.bench.depth_quality import run as bench
    from stereocast.bench.depth_quality.clips import HeldOut
    from stereocast.training.refine_clips import ClipShape
    from stereocast.training.scenes.seeds import DRIFT_SEEDS

    width, height = picture_size(size)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as draft:
        kept = cache or Path(draft)
        plan = bench.Plan(
            held_out=HeldOut(kept, ClipShape(frames, height, width), clips),
            long=HeldOut(kept, ClipShape(300, height, width), long, DRIFT_SEEDS.start)
            if long
            else None,
            weights=_named(weights) if weights else bench.built_in_weights(),
            proxy=proxy,
        )
        with progress("depth quality", plan.steps(), unit="clips") as advance:
            report = bench.run(plan, lambda _: advance())
        if pictures is not None:
            few = HeldOut(kept, plan.held_out.shape, min(clips, 4)).load(lambda: None)
            for file in bench.draw(plan, pictures, few):
                typer.echo(str(file), err=True)
    _tell(report, markdown, json)


def _tell(report: dict[str, Any], markdown: Path | None, json: Path | None) -> None:
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
