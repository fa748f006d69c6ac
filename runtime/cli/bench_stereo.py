"""`stereocast bench stereo-truth`: our second eye and the baselines against true right eyes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereocast.engine.errors import ConfigError, StereocastError
from stereocast.runtime.cli.options import JsonOption
from stereocast.runtime.cli.outcome import write_json
from stereocast.runtime.cli.progress import progress

if TYPE_CHECKING:
    from stereocast.bench.stereo_truth.clips import DepthKind, RenderedClips
    from stereocast.bench.stereo_truth.comparison import Row


class GivenDepth(StrEnum):
    """Which depth the methods are given."""

    PERFECT = "perfect"
    REALISTIC = "realistic"
    BOTH = "both"


_DEPTHS: Mapping[GivenDepth, tuple[DepthKind, ...]] = {
    GivenDepth.PERFECT: ("perfect",),
    GivenDepth.REALISTIC: ("realistic",),
    GivenDepth.BOTH: ("perfect", "realistic"),
}


class CameraMotion(StrEnum):
    """How the camera of rendered scenes moves."""

    DRIFT = "drift"
    STATIC = "static"


def stereo_truth(
    *,
    scenes: Annotated[
        int, typer.Option(min=0, max=1000, metavar="COUNT", help="Rendered scenes; 0: none.")
    ] = 6,
    frames: Annotated[
        int, typer.Option(min=2, max=1000, metavar="COUNT", help="Consecutive frames of each.")
    ] = 4,
    size: Annotated[
        str, typer.Option(metavar="WIDTHxHEIGHT", help="Size of one eye's picture.")
    ] = "640x360",
    depth: Annotated[
        GivenDepth, typer.Option(help="Exact depth, or soft and noisy as networks make it.")
    ] = GivenDepth.BOTH,
    camera: Annotated[
        CameraMotion, typer.Option(help="How the camera moves.")
    ] = CameraMotion.DRIFT,
    blur: Annotated[
        float,
        typer.Option(min=0, max=50, metavar="PX", help="Softness of realistic depth at 720p."),
    ] = 3.0,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="NUMBER", help="The first scene's number.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also score real clips: the folder with stereo/."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep rendered scenes here.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the tables here.")
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a contact sheet and error maps here (PNG)."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Measure how near the second eye comes to the true one.

    Ours and the baselines run on the same clips: rendered scenes, whose right eye, depth and hidden
    parts are known exactly, and real stereo clips. Every row is a mean over scenes ± deviation.

    \b
    Examples:
      stereocast bench stereo-truth
      stereocast bench stereo-truth --scenes 2 --depth realistic --pictures looks
      stereocast bench stereo-truth --data real --markdown stereo.md
    """
    import torch

    from stereocast.bench.stereo_truth.clips import FRESH_SEED, RenderedClips
    from stereocast.bench.stereo_truth.report import as_json, as_markdown

    if scenes == 0 and pictures is not None:
        raise ConfigError("--pictures shows rendered scenes: it needs --scenes 1 or more")
    if scenes == 0 and data is None:
        raise ConfigError("--scenes 0: nothing is left to score; add --data FOLDER with real clips")
    check_markdown(markdown)
    width, height = picture_size(size)
    clips = RenderedClips(
        scenes=scenes,
        frames=frames,
        width=width,
        height=height,
        depths=_DEPTHS[depth],
        seed=FRESH_SEED if seed is None else seed,
        camera=camera.value,
        blur_px_at_720p=blur,
        cache=cache,
    )
    torch.set_num_threads(1)  # every method alike, and CPU time means what it says
    rows = _measured(clips, data)
    text = as_markdown(rows, clips)
    typer.echo(text)
    if markdown is not None:
        write_text(markdown, text)
    if pictures is not None:
        _draw(pictures, clips, rows)
    write_json(json, as_json(rows, clips))


def _measured(clips: RenderedClips, data: Path | None) -> list[Row]:
    from stereocast.bench.stereo_truth.comparison import run
    from stereocast.bench.stereo_truth.real_clips import run_real
    from stereocast.bench.stereo_truth.real_pairs import PAIRS

    rows: list[Row] = []
    if clips.scenes:
        total = clips.scenes * clips.frames * len(clips.depths)
        with progress("rendered scenes", total) as advance:
            rows += run(clips, advance=advance)
    if data is not None:
        with progress("real pairs", PAIRS) as advance:
            rows += run_real(data, advance=advance)
    return rows


def _draw(folder: Path, clips: RenderedClips, rows: list[Row]) -> None:
    from stereocast.bench.stereo_truth.comparison import METHODS
    from stereocast.bench.stereo_truth.gates import strongest
    from stereocast.bench.stereo_truth.methods import OURS
    from stereocast.bench.stereo_truth.pictures import save_pictures

    for depth in clips.depths:
        found = [row for row in rows if row.depth == depth]
        best = strongest(found, *(name for name in METHODS if name != OURS))
        with progress("drawing", clips.scenes) as advance:
            paths = save_pictures(
                folder, clips.only(depth), {name: METHODS[name] for name in (OURS, best)},
                depth=depth, advance=advance,
            )  # fmt: skip
        typer.echo(f"{paths[0]}, {paths[1]}: left eye, true right eye, {OURS}, {best}", err=True)


def picture_size(text: str) -> tuple[int, int]:
    """Return width and height of WIDTHxHEIGHT. Raises ConfigError."""
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if found is None:
        raise ConfigError(f"--size {text}: give width and height in pixels, such as 640x360")
    width, height = (int(number) for number in found.groups())
    if width < 32 or height < 32:
        raise ConfigError(f"--size {text}: scenes need at least 32x32 pixels")
    return width, height


def check_markdown(path: Path | None) -> None:
    """Raise ConfigError where the page could not be written, before anything is measured."""
    if path is None:
        return
    if path.suffix.lower() != ".md":
        raise ConfigError(f"--markdown {path}: name a .md file")
    if not path.parent.is_dir():
        raise ConfigError(f"--markdown {path}: there is no folder {path.parent}; create it first")


def write_text(path: Path, text: str) -> None:
    """Write tables. Raises StereocastError where that fails."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StereocastError(f"{path}: cannot write the tables: {error.strerror}") from None
