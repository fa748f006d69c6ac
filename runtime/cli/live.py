"""`stereocast live SOURCE`: a live 3D stream for viewers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereocast.engine.errors import ConfigError
from stereocast.engine.layout import Layout
from stereocast.runtime.cli.live_status import report_of, status_line, summary_of
from stereocast.runtime.cli.options import (
    ConfigOption,
    CurveOption,
    FramesOption,
    JsonOption,
    LayoutOption,
    MaxFpsOption,
    MaxHeightOption,
    ModelOption,
    SecondsOption,
    SetOption,
    StartOption,
)
from stereocast.runtime.cli.outcome import ExitCode, complain, say, write_json
from stereocast.runtime.cli.sessions import open_session, with_model
from stereocast.runtime.cli.signals import stopping_gently
from stereocast.runtime.cli.web import DEFAULT_PORT
from stereocast.runtime.cli.web_child import web_beside

if TYPE_CHECKING:
    from stereocast.engine.session import Session
    from stereocast.runtime import wire
    from stereocast.runtime.config import Config
    from stereocast.runtime.depth import OpenedDepth
    from stereocast.runtime.encode.probe import EncoderChoice
    from stereocast.runtime.sink.zmq_router import RouterSink
    from stereocast.runtime.source import SourceInfo
    from stereocast.runtime.stream import Stream


def live(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A video file, or testsrc: (a moving 3D scene)."),
    ],
    *,
    address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="NAME, ipc:///PATH or tcp://HOST:PORT.")
    ] = "",
    layout: LayoutOption = Layout.FULL_SBS,
    start: StartOption = 0.0,
    frames: FramesOption = None,
    max_fps: MaxFpsOption = None,
    max_height: MaxHeightOption = None,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Drop a file's late frames instead of slowing down.")
    ] = False,
    seconds: SecondsOption = None,
    latency_strip: Annotated[
        bool, typer.Option("--latency-strip", help="Stamp a barcode for `watch --measure`.")
    ] = False,
    curve: CurveOption = None,
    web: Annotated[
        bool, typer.Option("--web", help="Serve the page for headsets and browsers, too.")
    ] = False,
    web_port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="The page's port.")
    ] = DEFAULT_PORT,
    lan: Annotated[
        bool, typer.Option("--lan", help="Let other machines see the page, by a one-time link.")
    ] = False,
    model: ModelOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    json: JsonOption = None,
) -> None:
    """Stream any video in 3D, live; view it with `stereocast watch`.

    A file plays when the first viewer comes, every frame of it; of a live source the newest frame
    wins. Any viewer may pause a file or go elsewhere in it, for all who watch. Ctrl-C ends the
    stream and tells the viewers.

    \b
    Examples:
      stereocast live testsrc:                            the built-in scene
      stereocast live film.mp4 --layout half-sbs --max-height 720
      stereocast live film.mp4 --layout anaglyph          for red-cyan glasses
      stereocast live film.mp4 --set stereo.strength=4    more depth
      stereocast live film.mp4 --model vda-small          better depth
      stereocast live film.mp4 --web --lan                in your headset
      stereocast live testsrc: --address tcp://127.0.0.1:5570
      stereocast live testsrc: --address 'tcp://*:5570' --curve keys/server
    """
    from stereocast.runtime import config as configuration
    from stereocast.runtime import threads
    from stereocast.runtime.pacing import PacedSource
    from stereocast.runtime.source.file import FileOptions
    from stereocast.runtime.source.open import open_source
    from stereocast.runtime.stream import Stream

    if latency_strip and not layout.keeps_both_eyes:
        raise ConfigError(
            f"--latency-strip stamps both eyes, and {layout} does not keep them; "
            "leave it out or choose another layout"
        )
    if web and curve:
        raise ConfigError(
            "--web has no keys for a stream with --curve; start `stereocast web ADDRESS --curve "
            "FOLDER` beside it, with a viewer's folder"
        )
    chosen = configuration.load(config, with_model(model, settings))
    chosen = replace(chosen, threads=threads.apply(chosen.threads))
    options = FileOptions(
        start_s=start,
        frames=frames,
        max_fps=max_fps,
        max_height=max_height,
        threads=chosen.threads.decode,
    )
    opened = open_source(source, options)
    with closing(PacedSource(opened, realtime=realtime)) as paced:
        say(opened.info.notes)
        session, depth, choice = _prepare(opened.info, chosen, layout)
        description = _describe(opened.info, choice, session)
        with closing(choice.encoder), _offer(description, chosen, address, curve) as sink:
            stream = Stream(paced, session, choice.encoder, sink, strip=latency_strip)
            typer.echo(f"live at {sink.address.url}  ({choice.encoder.description})")
            page = web_beside(sink.address.url, web_port, lan=lan) if web else nullcontext()
            with page:
                broken = _run(stream, sink, seconds)
            say(getattr(opened, "remarks", ()))
            report = report_of(stream, paced, sink, chosen)
            report |= {"depth_stage": depth.report(), "partial": broken}
    typer.echo(summary_of(report))
    write_json(json, report)
    if broken:
        complain(broken)
        raise typer.Exit(ExitCode.PARTIAL if stream.report.frames_out else ExitCode.FAILED)


def _run(stream: Stream, sink: RouterSink, seconds: float | None) -> str | None:
    """Stream to the end; return how the source broke, if it did."""
    from stereocast.engine.errors import SourceError

    try:
        with _stopping(seconds) as stop, status_line(stream, sink):
            stream.run(stop)
    except SourceError as error:
        return str(error)
    return None


def _prepare(
    info: SourceInfo, config: Config, layout: Layout
) -> tuple[Session, OpenedDepth, EncoderChoice]:
    """Build the session, and the first encoder that really works here."""
    from stereocast.runtime.encode.probe import LADDER, EncoderSettings, choose_encoder

    size = (info.height, info.width)
    session, depth = open_session(size, config, layout)
    height, width = layout.packed_size(*size)
    names = LADDER if config.live.codec == "auto" else (config.live.codec,)
    choice = choose_encoder(
        names,
        width=width,
        height=height,
        fps=info.fps,
        settings=EncoderSettings(config.x264, config.jpeg, config.threads.encode, layout),
    )
    say(f"{result.name} does not work here: {result.detail}" for result in choice.refused)
    return session, depth, choice


def _describe(info: SourceInfo, choice: EncoderChoice, session: Session) -> wire.Stream:
    """Return what viewers must know to decode, show and steer the stream."""
    from stereocast.engine.stereo import controls
    from stereocast.runtime import wire

    layout = session.layout
    height, width = layout.packed_size(info.height, info.width)
    return wire.Stream(
        codec=choice.encoder.codec,
        codec_string=choice.encoder.codec_string,
        w=width,
        h=height,
        layout=str(layout),
        fps=info.fps,
        can_seek=info.seekable_ns is not None,
        duration_s=None if info.seekable_ns is None else info.seekable_ns / 1e9,
        live=info.live,
        controls=asdict(session.controls),
        ranges=controls.ranges(),
    )


def _offer(stream: wire.Stream, config: Config, address: str, curve: Path | None) -> RouterSink:
    """Open the socket that viewers join."""
    from stereocast.runtime.address import default_folder, parse_address
    from stereocast.runtime.sink.zmq_router import RouterSink
    from stereocast.runtime.viewers import ViewerLimits

    limits = ViewerLimits(
        max_viewers=config.live.max_viewers,
        min_key_spacing_ns=config.live.min_keyframe_ms * 1_000_000,
    )
    place = parse_address(address, folder=default_folder(os.environ))
    return RouterSink(place, stream, limits=limits, curve=curve)


@contextmanager
def _stopping(seconds: float | None) -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM or the end of the time sets."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set) if seconds is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        with stopping_gently(stop.set):
            yield stop
    finally:
        if timer is not None:
            timer.cancel()
