"""What `stereocast live` tells of a stream: a line, a summary, a report."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stereocast.runtime.config import Config
    from stereocast.runtime.pacing import PacedSource
    from stereocast.runtime.sink.zmq_router import RouterSink
    from stereocast.runtime.stream import Stream

_STATUS_INTERVAL_S = 0.5


@contextmanager
def status_line(stream: Stream, sink: RouterSink) -> Iterator[None]:
    """Show one line about the running stream where there is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    done = threading.Event()

    def line() -> str:
        report = stream.report
        if not sink.viewers:
            return f"{report.frames_out} frames sent · waiting for a viewer · Ctrl-C ends"
        if stream.is_away:
            return (
                f"{report.frames_out} frames sent · the source is away, called again · Ctrl-C ends"
            )
        if stream.is_paused:
            return f"{report.frames_out} frames sent · paused by a viewer · Ctrl-C ends"
        p95_ms = report.account.total.percentile_ns(95) / 1e6
        watching = "1 viewer" if sink.viewers == 1 else f"{sink.viewers} viewers"
        return (
            f"{watching} · {report.fps:.1f} fps · {report.frames_out} sent, "
            f"{sum(report.drops.values())} dropped · p95 {p95_ms:.0f} ms · "
            f"comfort {report.comfort.latest:.2f}{stream.given_up} · Ctrl-C ends"
        )

    def show() -> None:
        with console.status(line()) as status:
            while not done.wait(_STATUS_INTERVAL_S):
                status.update(line())

    thread = threading.Thread(target=show, name="status", daemon=True)
    if console.is_terminal:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.is_alive():
            thread.join()


def summary_of(report: Mapping[str, Any]) -> str:
    """Return the line that ends a stream."""
    dropped = ", ".join(f"{count} {cause}" for cause, count in report["drops"].items() if count)
    return (
        f"{report['frames_out']} of {report['frames_in']} frames sent, {report['fps']:.1f} fps, "
        f"dropped: {dropped or 'none'}"
    )


def report_of(
    stream: Stream, paced: PacedSource, sink: RouterSink, config: Config
) -> dict[str, object]:
    """Return all that a stream did, for a JSON file."""
    from stereocast.runtime import latency, machine

    report = stream.report
    shared = latency.report(
        report.account,
        frames_in=paced.frames,
        frames_out=report.frames_out,
        drops={**report.drops, "source": paced.missed},
        fps=report.fps,
    )
    return {
        "schema": "stereocast/live/1",
        "machine": machine.facts(),
        "config": asdict(config),
        **shared,
        "keyframes": report.keyframes,
        "bytes_out": report.bytes_out,
        "cuts": report.cuts,
        "refits": report.refits,
        "reconnects": paced.reconnects,
        "encoder_failures": report.encoder_failures,
        "poisoned": report.poisoned,
        "comfort": report.comfort.report(),
        "refine": report.refine.report(),
        "playback": {**asdict(stream.playback), "stale": paced.stale},
        "viewers": sink.counters,
    }
