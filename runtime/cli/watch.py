"""`stereocast watch`: view, record or measure a running stream.

Here are the options, the terminal and the signals; what a viewer does is runtime/watch/. Heavy
imports are inside functions, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from stereocast.runtime.watch.outputs import Measure, Output, Record, Snapshot
    from stereocast.runtime.watch.session import Ending, WatchSession
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


@dataclass(frozen=True)
class _Outputs:
    """The outputs that the options ask for, in the order in which they get each picture."""

    measure: Measure | None
    window: Output | None
    record: Record | None
    snapshot: Snapshot | None

    def all(self) -> list[Output]:
        chosen = (self.measure, self.window, self.record, self.snapshot)
        return [output for output in chosen if output is not None]


def watch(
    address: Annotated[
        str,
        typer.Argument(help="NAME, ipc:///PATH or tcp://HOST:PORT; empty: the default stream."),
    ] = "",
    *,
    record: Annotated[
        Path | None, typer.Option(help="Write the stream as it comes into this .mkv file.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Read both eyes' latency strips; print all stages.")
    ] = False,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            help="Save a picture as .png: the last with --seconds or --frames, else the first."
        ),
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="Show the stream. e: one or both eyes, q: quit.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after this time.", show_default=False)
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many pictures.", show_default=False)
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the report into this file.", show_default=False)
    ] = None,
    slow: Annotated[
        float, typer.Option(min=0, metavar="MS", help="Play a slow viewer: sleep per picture.")
    ] = 0.0,
    curve: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The viewer's keys, for streams of other machines."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist already.")
    ] = False,
) -> None:
    """Watch a stream: view, record or measure it.

    Without options it prints rate, age and losses until the stream ends or Ctrl-C.

    \b
    stereocast watch                                    the default stream, numbers only
    stereocast watch --window                           look at it
    stereocast watch --record out.mkv --seconds 10      keep ten seconds, as they came
    stereocast watch --measure --json latency.json      capture-to-decoded latency, per stage
    stereocast watch tcp://10.0.0.5:5570 --curve keys/client --snapshot eye.png
    """
    options = WatchOptions(
        record, measure, snapshot, window, seconds, frames, json, slow, overwrite
    )
    from rich.console import Console

    _watch(address, options, curve, Console(highlight=False))


def _watch(address: str, options: WatchOptions, curve: Path | None, console: Console) -> None:
    import os

    from stereocast.runtime.address import default_folder, parse_address
    from stereocast.runtime.client import StreamClient
    from stereocast.runtime.watch.session import WatchSession

    _check_files(options)
    place = parse_address(address, folder=default_folder(os.environ))
    with ExitStack() as stack:
        client = stack.enter_context(StreamClient(place, name="watch", curve=curve))
        stream = client.welcome
        console.print(
            f"{place.url}: {stream.codec} {stream.w}×{stream.h} {stream.layout}, "
            f"{stream.fps:g} fps",
            soft_wrap=True,
        )
        outputs = _open_outputs(options, stream, stack)
        status = stack.enter_context(_status_line(console))
        session = WatchSession(
            client,
            outputs.all(),
            slow_ms=options.slow_ms,
            on_tick=status,
            on_notice=lambda text: console.print(f"server: {text}", soft_wrap=True),
        )
        try:
            with _stopped_by_signals(session):
                ending = session.run(seconds=options.seconds, frames=options.frames)
        except BaseException:
            stack.close()
            _tell(session, outputs, options, console)
            raise
    _tell(session, outputs, options, console, ending)
