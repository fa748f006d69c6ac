"""`stereocast watch`: view, record or measure a running stream.

Here are the options, the terminal and the signals; what a viewer does is runtime/watch/. Heavy
imports are inside functions, so that `--help` answers at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereocast.engine.layout import View
from stereocast.runtime.cli.options import CurveOption, FramesOption, JsonOption, SecondsOption
from stereocast.runtime.cli.outcome import write_json
from stereocast.runtime.cli.signals import stopping_gently

if TYPE_CHECKING:
    from rich.console import Console

    from stereocast.runtime.watch.outputs import Outputs
    from stereocast.runtime.watch.session import WatchSession
    from stereocast.runtime.wire import Stream

STATUS_INTERVAL_S = 0.25
PLAIN_STATUS_INTERVAL_S = 5.0
"""Where output is no terminal, a line cannot be overwritten."""


@dataclass(frozen=True)
class WatchOptions:
    """What the user asked for."""

    record: Path | None
    measure: bool
    snapshot: Path | None
    window: bool
    seconds: float | None
    frames: int | None
    json: Path | None
    slow_ms: float
    overwrite: bool
    view: View


def watch(
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS", help="NAME, ipc:///PATH or tcp://HOST:PORT; default: this machine's."
        ),
    ] = "",
    *,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the stream, sound too, as it comes into this .mkv."
        ),
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Read both eyes' latency strips; print all stages.")
    ] = False,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save a picture as .png: the last with --seconds or --frames, else the first.",
        ),
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="Show the stream. v: next view, e: one eye, q: quit.")
    ] = False,
    view: Annotated[
        View, typer.Option("--view", help="What window and snapshot show, whatever the layout.")
    ] = View.PACKED,
    seconds: SecondsOption = None,
    frames: FramesOption = None,
    json: JsonOption = None,
    slow: Annotated[
        float,
        typer.Option(min=0, max=60_000, metavar="MS", help="Play a slow viewer: sleep a picture."),
    ] = 0.0,
    curve: CurveOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist already.")
    ] = False,
) -> None:
    """Watch a stream: view, record or measure it.

    Without options it prints rate, age and losses until the stream ends or Ctrl-C. Recordings keep
    the sound; it is played by the page (`stereocast web`), not by the window.

    \b
    Examples:
      stereocast watch                            the default stream, numbers only
      stereocast watch --window                   look at it
      stereocast watch --window --view anaglyph   with red-cyan glasses
      stereocast watch --record out.mkv           keep it, as it comes
      stereocast watch --measure --json a.json    latency of every stage
      stereocast watch tcp://10.0.0.5:5570 --curve keys/client --window
    """
    options = WatchOptions(
        record, measure, snapshot, window, seconds, frames, json, slow, overwrite, view
    )
    from rich.console import Console

    _watch(address, options, curve, Console(highlight=False, markup=False))


def _watch(address: str, options: WatchOptions, curve: Path | None, console: Console) -> None:
    import os

    from stereocast.runtime.address import default_folder, parse_address
    from stereocast.runtime.client import StreamClient
    from stereocast.runtime.watch.session import WatchSession
    from stereocast.runtime.watch.view import check_view, layout_of

    def say(sentence: str) -> None:
        console.print(sentence, soft_wrap=True)

    _check_files(options)
    place = parse_address(address, folder=default_folder(os.environ))
    wants_sound = options.measure or options.record is not None
    with StreamClient(place, name="watch", curve=curve, want_audio=wants_sound) as client:
        say(f"{place.url}: {_words(client.welcome)}")
        check_view(options.view, layout_of(client.welcome.layout))
        outputs = _open_outputs(options, client.welcome, title=f"stereocast {place.url}")
        status = _StatusLine(console)
        session = WatchSession(
            client,
            outputs.chosen(),
            slow_ms=options.slow_ms,
            on_tick=status.show,
            on_notice=lambda text: say(f"server: {text}"),
        )
        # Also while it ends: a recording is finished, and the report written, whoever asks.
        with stopping_gently(session.stop):
            try:
                with outputs.closed(say), status.live:
                    ending = session.run(seconds=options.seconds, frames=options.frames)
                say(f"{ending}:")
            finally:
                _tell(session, outputs, options, console)


def _check_files(options: WatchOptions) -> None:
    """Refuse what cannot work before anything is waited for."""
    from stereocast.runtime.sink.record import check_recording
    from stereocast.runtime.watch import snapshot

    if options.record:
        check_recording(options.record, overwrite=options.overwrite)
    if options.snapshot:
        snapshot.check_path(options.snapshot, overwrite=options.overwrite)
    if options.window:
        import stereocast.runtime.watch.window  # noqa: F401  raises where pygame is missing


def _open_outputs(options: WatchOptions, stream: Stream, *, title: str) -> Outputs:
    from stereocast.runtime.watch.outputs import Measure, Outputs, Record, Snapshot

    window = None
    if options.window:
        from stereocast.runtime.watch.view import layout_of, view_size
        from stereocast.runtime.watch.window import Window

        width, height = view_size(options.view, layout_of(stream.layout), stream.w, stream.h)
        window = Window(width=width, height=height, title=title, view=options.view)
    snapshot = None
    if options.snapshot:
        is_limited = options.seconds is not None or options.frames is not None
        is_alone = not (options.record or options.window or options.measure)
        snapshot = Snapshot(
            options.snapshot, last=is_limited, ends_watch=is_alone, view=options.view
        )
    return Outputs(
        measure=Measure() if options.measure else None,
        window=window,
        snapshot=snapshot,
        # Last, because it begins a file that somebody has to finish.
        record=(
            Record(options.record, stream, overwrite=options.overwrite) if options.record else None
        ),
    )


class _StatusLine:
    """One line about the running stream: rewritten in place on a terminal, else now and then."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._console = console
        self.live = Live(console=console, auto_refresh=False, transient=True)
        self._interval_ns = int(
            (STATUS_INTERVAL_S if console.is_terminal else PLAIN_STATUS_INTERVAL_S) * 1e9
        )
        self._next_ns = time.monotonic_ns() + self._interval_ns

    def show(self, session: WatchSession) -> None:
        """Show how it goes, if it is time."""
        now_ns = time.monotonic_ns()
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + self._interval_ns
        from rich.text import Text

        from stereocast.runtime.watch.report import drops

        lost = {cause: count for cause, count in drops(session).items() if count}
        losses = ", ".join(f"{count} {cause}" for cause, count in lost.items()) or "nothing lost"
        line = f"{session.pace.caption(now_ns)} · {session.counts.shown} frames · {losses}"
        if self._console.is_terminal:
            self.live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            self._console.print(line, soft_wrap=True)


def _tell(session: WatchSession, outputs: Outputs, options: WatchOptions, console: Console) -> None:
    from stereocast.runtime.latency import table
    from stereocast.runtime.watch import report

    def say(sentence: str) -> None:
        console.print(sentence, soft_wrap=True)

    say(report.summary(session))
    strips = outputs.measure.strips if outputs.measure else None
    if strips is not None:
        say(report.strip_sentence(session, strips))
        if session.client.welcome.audio and outputs.measure:
            say(outputs.measure.sound.sentence())
        if session.account.total.count:
            shown = "shown" if "present" in session.account.stages else "decoded"
            console.print(table(report.honest_account(session), title=f"capture → {shown}"))
    if reason := report.clock_sentence(session):
        say(reason)
    if outputs.record and outputs.record.is_complete:
        beside = f" and {outputs.record.sounds} packets of sound" if outputs.record.sounds else ""
        say(f"recorded {outputs.record.frames} frames{beside} into {outputs.record.path}")
    if outputs.snapshot and outputs.snapshot.is_saved:
        say(f"saved a picture as {outputs.snapshot.path}")
    write_json(options.json, report.to_json(session, outputs.measure))


def _words(stream: Stream) -> str:
    sound = ", with sound" if stream.audio else ""
    return f"{stream.codec} {stream.w}×{stream.h} {stream.layout}, {stream.fps:g} fps{sound}"
