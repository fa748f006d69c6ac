"""`stereocast convert IN OUT`: a 2D video file becomes a 3D video file."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereocast.engine.errors import StereocastError
from stereocast.engine.layout import Layout
from stereocast.runtime.cli.options import (
    ConfigOption,
    FramesOption,
    JsonOption,
    LayoutOption,
    MaxFpsOption,
    MaxHeightOption,
    ModelOption,
    SetOption,
    StartOption,
)
from stereocast.runtime.cli.outcome import ExitCode, complain, say, write_json
from stereocast.runtime.cli.progress import progress
from stereocast.runtime.cli.sessions import open_session, with_model
from stereocast.runtime.cli.signals import stopping_gently

if TYPE_CHECKING:
    from stereocast.engine.session import Session
    from stereocast.runtime.config import Config
    from stereocast.runtime.convert import ConversionReport
    from stereocast.runtime.sink.audio import AudioFrom
    from stereocast.runtime.sink.depth import DepthProducts, DepthTarget
    from stereocast.runtime.sink.file import FileSink
    from stereocast.runtime.source import Source, SourceInfo


def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="A video file, or testsrc:.")],
    target: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="An .mkv, .mp4 or .mov file; default: beside IN."),
    ] = None,
    *,
    layout: LayoutOption = Layout.FULL_SBS,
    start: StartOption = 0.0,
    frames: FramesOption = None,
    max_fps: MaxFpsOption = None,
    max_height: MaxHeightOption = None,
    depth: Annotated[
        list[str] | None,
        typer.Option(
            "--depth",
            metavar="FORMAT[:PATH]",
            help="Write the depth too: npz, png16, exr or mkv; beside OUT, or to PATH; repeatable.",
        ),
    ] = None,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Leave the sound out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    model: ModelOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    json: JsonOption = None,
) -> None:
    """Convert a video file to 3D: every frame in order, with its sound.

    OUT appears under its name only when it is complete; Ctrl-C leaves nothing behind. Exit code 3
    means that IN broke in the middle: OUT is playable and ends there.

    \b
    Examples:
      stereocast convert film.mp4           makes film_LRF_Full_SBS.mp4 beside it
      stereocast convert film.mkv 3d.mkv --layout half-sbs
      stereocast convert film.mp4 --layout vr180 --set formats.hfov_deg=80
      stereocast convert film.mp4 3d.mp4 --start 60 --frames 240
      stereocast convert film.mp4 3d.mp4 --set stereo.strength=4 --set file.crf=18
      stereocast convert film.mp4 3d.mp4 --model vda-small --config cpu-quality
      stereocast convert film.mp4 3d.mp4 --depth mkv --depth npz:depth.npz
    """
    from stereocast.runtime import config as configuration
    from stereocast.runtime import threads
    from stereocast.runtime.sink.depth import DepthTarget
    from stereocast.runtime.source.file import FileOptions
    from stereocast.runtime.source.open import open_source

    chosen = configuration.load(config, with_model(model, settings))
    chosen = replace(chosen, threads=threads.apply(chosen.threads))
    options = FileOptions(
        start_s=start,
        frames=frames,
        max_fps=max_fps,
        max_height=max_height,
        threads=chosen.threads.decode,
    )
    with closing(open_source(source, options)) as opened:
        if opened.info.frames is None and opened.info.live:
            raise StereocastError(
                f"{source} never ends: give it an end, as in 'testsrc:?frames=90'"
            )
        path: Path | None = getattr(opened, "path", None)
        out = _choose_target(target, path, layout, overwrite=overwrite)
        job = _Job(
            config=chosen,
            layout=layout,
            target=out,
            depth=tuple(DepthTarget.parse(text, beside=out) for text in depth or ()),
            overwrite=overwrite,
            sound=None if no_audio else _sound_of(opened, path, trim_end=frames is not None),
            start_ns=opened.info.start_ns if start > 0 else None,
        )
        report = job.run(opened)
    write_json(json, report)
    if report["partial"]:
        complain(f"{report['partial']}; {job.target} ends there")
        raise typer.Exit(ExitCode.PARTIAL)


def _choose_target(
    target: Path | None, source: Path | None, layout: Layout, *, overwrite: bool
) -> Path:
    """Return the file to write; refuse the one that is read, under whatever name."""
    from stereocast.runtime.sink.output import suggested_name

    chosen = target or suggested_name(source or Path("testsrc.mp4"), layout)
    if source is not None and chosen.exists() and chosen.samefile(source):
        raise StereocastError(f"{chosen}: is the file that is converted; name another for the 3D")
    if chosen.exists() and not overwrite:
        raise StereocastError(f"{chosen}: exists already; name another file or add --overwrite")
    return chosen


def _sound_of(source: Source, path: Path | None, *, trim_end: bool) -> AudioFrom | None:
    from stereocast.runtime.sink.audio import AudioFrom

    if path is None or getattr(source, "audio_codec", None) is None:
        return None
    return AudioFrom(path, trim_end=trim_end)


@dataclass(frozen=True)
class _Job:
    """One conversion as the terminal shows it."""

    config: Config
    layout: Layout
    target: Path
    depth: tuple[DepthTarget, ...]
    overwrite: bool
    sound: AudioFrom | None
    start_ns: int | None

    def run(self, source: Source) -> dict[str, object]:
        """Convert, show progress, print the summary and return the report."""
        from stereocast.runtime.convert import Conversion

        info = source.info
        say(info.notes)
        # Before the clock starts, and while Ctrl-C still ends at once: an export takes a while.
        opened = open_session((info.height, info.width), self.config, self.layout)
        session = opened.session
        stop = threading.Event()
        began, began_cpu = time.monotonic(), time.process_time()
        with stopping_gently(stop.set, patient=True):
            sink = self._open_sink(info)
            depth = self._open_depth(info, session, sink)
            conversion = Conversion(source, session, sink, depth=depth)
            try:
                with progress("converting", _expected(info)) as count:
                    conversion.run(stop, on_frame=count)
                if stop.is_set():
                    raise KeyboardInterrupt
                sink.close()
                depth.close()
            except BaseException:
                sink.abort()
                depth.abort()
                raise
        clock = _Clock(time.monotonic() - began, time.process_time() - began_cpu)
        met = (*getattr(source, "remarks", ()), *sink.notes)
        say(met)
        notes = (*info.notes, *opened.notes, *met)
        report = self._finish(conversion.report, clock, notes=notes)
        return report | opened.report()

    def _open_sink(self, info: SourceInfo) -> FileSink:
        from stereocast.runtime.sink.file import FileSink
        from stereocast.runtime.sink.output import VideoShape

        height, width = self.layout.packed_size(info.height, info.width)
        return FileSink(
            self.target,
            video=VideoShape(width, height, info.fps, self.layout, info.time_base, self.start_ns),
            config=self.config.file,
            audio=self.sound,
            threads=self.config.threads.encode,
            overwrite=self.overwrite,
        )

    def _open_depth(self, info: SourceInfo, session: Session, sink: FileSink) -> DepthProducts:
        from stereocast.runtime.sink.depth import DepthProducts, DepthShape

        shape = DepthShape(
            info.height, info.width, info.fps, info.time_base, session.depth_output,
            self.config.depth.model, self.start_ns or 0,
        )  # fmt: skip
        try:
            return DepthProducts(
                self.depth, shape, config=self.config.depth_file, overwrite=self.overwrite
            )
        except BaseException:
            sink.abort()
            raise

    def _finish(
        self, report: ConversionReport, clock: _Clock, *, notes: tuple[str, ...]
    ) -> dict[str, object]:
        from stereocast.runtime import machine

        fps = report.frames_out / clock.wall_s
        per_frame = clock.cpu_s * 1e3 / max(1, report.frames_out)
        typer.echo(
            f"{self.target}: {report.frames_out} frames, {clock.wall_s:.1f} s, {fps:.1f} fps, "
            f"{per_frame:.1f} CPU-ms per frame, {report.cuts} cuts, "
            f"comfort {report.comfort.mean_score:.2f}"
        )
        for product in self.depth:
            typer.echo(f"{product.path}: depth as {product.format}")
        return {
            "schema": "stereocast/convert/1",
            "machine": machine.facts(),
            "config": asdict(self.config),
            "target": str(self.target),
            "depth": {str(product.path): str(product.format) for product in self.depth},
            "layout": str(self.layout),
            "frames_in": report.frames_in,
            "frames_out": report.frames_out,
            "drops": {},
            "cuts": report.cuts,
            "comfort": report.comfort.report(),
            "refine": report.refine.report(),
            "partial": report.partial,
            "notes": list(notes),
            "stages_ms": {name: stage.report_ms() for name, stage in report.stages.items()},
            "total_ms": report.total.report_ms(),
            "cpu_ms_per_frame": round(per_frame, 2),
            "seconds": round(clock.wall_s, 3),
            "fps": round(fps, 2),
        }


@dataclass(frozen=True)
class _Clock:
    """Wall time and process CPU time of a conversion, seconds."""

    wall_s: float
    cpu_s: float


def _expected(info: SourceInfo) -> int | None:
    """Return how many frames will come, as far as one can tell before."""
    if info.frames is not None:
        return info.frames
    if info.duration_ns is not None:
        return max(1, round(info.duration_ns * info.fps / 1e9))
    return None
