"""`stereocast live SOURCE`: a live 3D stream for viewers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
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
    SuperviseOption,
)
from stereocast.runtime.cli.outcome import ExitCode, complain, say, write_json
from stereocast.runtime.cli.sessions import decoded_on_gpu, with_model
from stereocast.runtime.cli.signals import stopping_gently
from stereocast.runtime.cli.supervise import Supervisor, without_flag
from stereocast.runtime.cli.web import DEFAULT_PORT
from stereocast.runtime.cli.web_child import web_beside

if TYPE_CHECKING:
    from stereocast.engine.session import Session
    from stereocast.runtime import wire
    from stereocast.runtime.capture import CaptureWriter
    from stereocast.runtime.cli.live_rig import Workshop
    from stereocast.runtime.config import Config
    from stereocast.runtime.overload import Overload
    from stereocast.runtime.pacing import PacedSource
    from stereocast.runtime.sink.zmq_router import RouterSink
    from stereocast.runtime.sound.listener import Sound
    from stereocast.runtime.source import Source
    from stereocast.runtime.stream import Stream


def live(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A video file, testsrc: (a moving 3D scene), or a live source, see below.",
        ),
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
    no_sound: Annotated[
        bool, typer.Option("--no-sound", help="Leave the source's sound out (live.sound=false).")
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
    capture: Annotated[
        Path | None,
        typer.Option("--capture", metavar="FILE", help="Keep what `replay` repeats; large."),
    ] = None,
    supervise: SuperviseOption = False,
    model: ModelOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    json: JsonOption = None,
) -> None:
    """Stream any video in 3D, live; view it with `stereocast watch`.

    Live sources are screen:, camera:, streams of the network (rtsp://, http(s)://, udp://, tcp://,
    rtmp://; HLS, MPEG-TS, …), zmq:ADDRESS for pictures that another program pushes, and web:URL for
    the video of a page. When one goes away its last picture stays, and it is called again.

    A file plays when the first viewer comes, every frame of it; of a live source the newest frame
    wins. Any viewer may pause a file or go elsewhere in it, for all who watch. Sound of files and
    network streams goes along, in step, to viewers that ask for it. Ctrl-C ends the stream and
    tells the viewers.

    \b
    Examples:
      stereocast live testsrc:                            the built-in scene
      stereocast live film.mp4 --layout half-sbs --max-height 720
      stereocast live film.mp4 --layout anaglyph          for red-cyan glasses
      stereocast live film.mp4 --set stereo.strength=4    more depth
      stereocast live film.mp4 --model vda-small          better depth
      stereocast live film.mp4 --web --lan                in your headset
      stereocast live film.mp4 --realtime                 as fast as its sound
      stereocast live screen: --max-height 720            this desktop
      stereocast live 'screen:?region=1280x720+0+0'       a part of it
      stereocast live 'camera:/dev/video0?size=1280x720'  a webcam
      stereocast live rtsp://user:password@camera.lan/1   a network camera
      stereocast live 'tcp://0.0.0.0:5004?listen=1'       MPEG-TS sent to us
      stereocast live camera: --web --lan --supervise     it starts again
      stereocast live testsrc: --address tcp://127.0.0.1:5570
      stereocast live testsrc: --address 'tcp://*:5570' --curve keys/server
    """
    if supervise:
        raise typer.Exit(Supervisor(without_flag(sys.argv[1:])).run())
    from stereocast.runtime import config as configuration
    from stereocast.runtime import threads
    from stereocast.runtime.cli.live_rig import Workshop
    from stereocast.runtime.pacing import PacedSource
    from stereocast.runtime.source.file import FileOptions
    from stereocast.runtime.source.open import open_source
    from stereocast.runtime.stream import Stream

    _check(layout, latency_strip=latency_strip, web=web, curve=curve)
    silenced = ["live.sound=false"] if no_sound else []
    chosen = configuration.load(config, [*with_model(model, settings), *silenced])
    chosen = replace(chosen, threads=threads.apply(chosen.threads))
    options = FileOptions(
        start_s=start,
        frames=frames,
        max_fps=max_fps,
        max_height=max_height,
        threads=chosen.threads.decode,
    )
    found = open_source(source, options, live=chosen.source, sound=chosen.live.sound)
    opened = decoded_on_gpu(found, chosen, options)
    with ExitStack() as ending:
        with closing(PacedSource(opened, realtime=realtime)) as paced:
            say(opened.info.notes)
            sound = _open_sound(opened, paced, chosen)
            workshop = Workshop(opened.info, chosen, layout, sound.audio if sound else None)
            rig = workshop.build((opened.info.height, opened.info.width))
            # Until the report is written: who is asked to end while it ends has nothing to lose.
            stop = ending.enter_context(_stopping(seconds))
            with (
                closing(rig),
                _offer(rig.stream, chosen, address, curve) as sink,
                _heard(sound, sink),
                _capturing(capture, workshop, chosen, layout) as kept,
            ):
                overload = _lightener(paced, workshop, rig.session, sink, chosen.live.degrade)
                stream = Stream(
                    paced, rig, sink, build=workshop.build, overload=overload, capture=kept,
                    strip=latency_strip,
                )  # fmt: skip
                typer.echo(f"live at {sink.address.url}  ({workshop.encoder_description})")
                page = web_beside(sink.address.url, web_port, lan=lan) if web else nullcontext()
                with page, closing(stream):
                    broken = _run(stream, sink, stop)
                say(getattr(opened, "remarks", ()))
                report = report_of(stream, paced, sink, chosen)
                report |= workshop.stages_report | {
                    "degrade": None if overload is None else overload.report,
                    "partial": broken,
                }
        typer.echo(summary_of(report))
        write_json(json, report)
    if broken:
        complain(broken)
        raise typer.Exit(ExitCode.PARTIAL if stream.report.frames_out else ExitCode.FAILED)


def _check(layout: Layout, *, latency_strip: bool, web: bool, curve: Path | None) -> None:
    """Refuse options that contradict each other."""
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


def _open_sound(source: Source, paced: PacedSource, config: Config) -> Sound | None:
    """Return the sound that goes with a source, if it has some and it is wanted."""
    from stereocast.runtime.sound.open import open_sound

    if not config.live.sound:
        return None
    sound, notes = open_sound(source, paced.play)
    say(notes)
    return sound


@contextmanager
def _heard(sound: Sound | None, sink: RouterSink) -> Iterator[None]:
    """Let the sound out as long as the block runs."""
    if sound is None:
        yield
        return
    with closing(sound):
        sound.start(sink)
        yield
    say(sound.notes)


@contextmanager
def _capturing(
    path: Path | None, workshop: Workshop, config: Config, layout: Layout
) -> Iterator[CaptureWriter | None]:
    """Keep each step in a file as long as the block runs, if one is named."""
    from stereocast.runtime import machine
    from stereocast.runtime.capture import CaptureWriter

    if path is None:
        yield None
        return
    head = {"config": asdict(config), "layout": str(layout), "packages": machine.versions()}
    with closing(CaptureWriter(path, head, workshop.rung_of)) as writer:
        yield writer


def _lightener(
    paced: PacedSource, workshop: Workshop, session: Session, sink: RouterSink, degrade: str
) -> Overload | None:
    """Return what gives things up to keep up with a live source; a file waits instead."""
    from stereocast.runtime.ladder import Ladder, rungs
    from stereocast.runtime.overload import Overload

    if paced.waits or degrade == "off":
        return None
    can_shrink = degrade == "all" and paced.can_shrink
    steps = rungs(can_shrink=can_shrink)
    workshop.foresee(session, steps)
    return Overload(paced, Ladder(steps), workshop.session, sink.tell)


def _run(stream: Stream, sink: RouterSink, stop: threading.Event) -> str | None:
    """Stream to the end; return how the source broke, if it did."""
    from stereocast.engine.errors import SourceError

    try:
        with status_line(stream, sink):
            stream.run(stop)
    except SourceError as error:
        return str(error)
    return None


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
