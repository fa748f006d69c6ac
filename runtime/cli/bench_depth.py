"""`stereocast bench depth-quality`: how true and steady refined depth is, beside every baseline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from stereocast.engine.errors import ConfigError
from stereocast.runtime.cli.bench_folder import score_folder
from stereocast.runtime.cli.bench_stereo import check_markdown, picture_size, write_text
from stereocast.runtime.cli.bench_worlds import Wanted, score_network, score_specified
from stereocast.runtime.cli.options import JsonOption, ModelOption
from stereocast.runtime.cli.outcome import write_json


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
    size: Annotated[
        str | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="Grid of the depth: 128x96, a model's 252x140."),
    ] = None,
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
    tuning: Annotated[
        bool, typer.Option("--tuning", help="Worlds that tuning may look at, not those for scores.")
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

    With --model, that network looks at the worlds' pictures, and its own errors are refined.

    With --folder, depth models on a clip of yours: constant, row ramp, the prior, --model (tiny)
    and --model steadied. Layouts: tum, bonn, scannet, kitti, sintel, nyu, manifest.

    \b
    Examples:
      stereocast bench depth-quality --folder rgbd_dataset_freiburg1_desk --model tiny
      stereocast bench depth-quality --folder Sintel/training/final/alley_1 --layout sintel
      stereocast bench depth-quality --clips 6 --frames 32
      stereocast bench depth-quality --model tiny --pictures looks
      stereocast bench depth-quality --pictures looks --markdown depth.md
      stereocast bench depth-quality --weights mamba-7=run/weights.safetensors
    """
    check_markdown(markdown)
    if folder is not None:
        if long or weights or proxy or cache or pictures or tuning:
            raise ConfigError(
                "--long, --weights, --proxy, --cache, --pictures and --tuning are for rendered "
                "worlds: leave them or --folder out"
            )
        _tell(score_folder(folder, layout, model, frames), markdown, json)
        return
    if layout is not None:
        raise ConfigError("--layout is for --folder FOLDER: name one")
    if model is not None and (long or proxy):
        raise ConfigError("--long and --proxy are for specified errors: leave them or --model out")
    wanted = Wanted(
        count=clips, frames=frames, size=picture_size(size or ("252x140" if model else "128x96")),
        weights=_named(weights or []), pictures=pictures, tuning=tuning,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as draft:
        kept = cache or Path(draft)
        if model is not None:
            report = score_network(wanted, kept, model)
        else:
            report = score_specified(wanted, kept, long=long, proxy=proxy)
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
