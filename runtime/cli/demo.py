"""`stereocast demo`: the main job in a few seconds, with something to look at afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer


def demo(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A video file, or testsrc:.")
    ] = "testsrc:",
    *,
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the recording and picture go.")
    ] = Path("demo"),
    seconds: Annotated[
        float, typer.Option(min=1, max=1e6, metavar="SECONDS", help="How long to stream.")
    ] = 8.0,
) -> None:
    """Stream to a viewer for a few seconds.

    What comes out is a recording, a picture and a latency table.

    \b
    Examples:
      stereocast demo             the built-in moving scene
      stereocast demo film.mp4    any video
    """
    from stereocast.bench.processes import Command, streaming
    from stereocast.engine.errors import StereocastError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StereocastError(f"{folder}: cannot make this folder: {error.strerror}") from None
    recording, picture = folder / "stream_LRF_Full_SBS.mkv", folder / "picture.png"
    report = folder / "latency.json"
    typer.echo(f"streaming {source} to a viewer for {seconds:g} seconds …")
    with (
        tempfile.TemporaryDirectory(prefix="stereocast-demo-") as private,
        streaming(source, Path(private), "--latency-strip") as address,
    ):
        viewer = Command(
            "watch", address, "--measure", "--seconds", f"{seconds:g}", "--overwrite",
            "--record", str(recording), "--snapshot", str(picture), "--json", str(report),
            quiet=False,
        )  # fmt: skip
        try:
            viewer.finish(seconds)
        finally:
            viewer.kill()
    typer.echo(
        f"\nlook at {picture} (left eye, right eye), play {recording} in a 3D player,\n"
        f"or watch live: stereocast live {source}\n"
        f"and in another terminal: stereocast watch --window"
    )
