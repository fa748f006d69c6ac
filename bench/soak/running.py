"""One real stream in this process, with a viewer that decodes: engine, encoder, socket, threads."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from stereocast.bench.soak.sources import GRID
from stereocast.bench.soak.vitals import Costs, CpuMeter
from stereocast.engine.errors import StereocastError
from stereocast.engine.layout import Layout
from stereocast.runtime import threads
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.cli.live_rig import Workshop
from stereocast.runtime.client import StreamClient
from stereocast.runtime.config import Config
from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.source import Source
from stereocast.runtime.stream import Stream
from stereocast.runtime.stream_report import StreamReport
from stereocast.runtime.viewers import ViewerLimits
from stereocast.runtime.watch.outputs import Heard, Shown
from stereocast.runtime.watch.session import WatchSession

_LOOK_S = 0.05


class Running:
    """A stream on a thread of its own.

    report  what it has done so far
    """

    def __init__(self, stream: Stream, address: Address) -> None:
        self.report: StreamReport = stream.report
        self.address = address
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        # Only the thread holds the stream, and a network's threads with it, and lets go at its end.
        self._thread = threading.Thread(target=self._run, args=(stream,), name="soak")
        self._thread.start()

    @property
    def lives(self) -> bool:
        """Whether it still runs; raises what it failed with."""
        if self._failure is not None:
            raise self._failure
        return self._thread.is_alive()

    def stop(self) -> None:
        """End it, and wait for that."""
        self._stop.set()
        self._thread.join()

    def _run(self, stream: Stream) -> None:
        try:
            stream.run(self._stop)
        except BaseException as failure:
            self._failure = failure


@contextmanager
def running(source: Source) -> Iterator[Running]:
    """Stream a source to a socket of its own as long as the block runs; leave nothing behind."""
    config = Config()
    small = replace(config.depth, height=GRID[0], width=GRID[1])
    config = replace(config, depth=small, threads=threads.apply(config.threads))
    info = source.info
    workshop = Workshop(info, config, Layout.FULL_SBS)
    limits = ViewerLimits(min_key_spacing_ns=0)  # a thousand viewers in a row want a thousand
    with (
        tempfile.TemporaryDirectory(prefix="stereocast-soak-") as folder,
        closing(PacedSource(source)) as paced,
        closing(workshop.build((info.height, info.width))) as rig,
        RouterSink(
            parse_address(f"ipc://{folder}/s/b", folder=Path(folder)), rig.stream, limits=limits
        ) as sink,
        closing(Stream(paced, rig, sink, build=workshop.build)) as stream,
    ):
        started = Running(stream, sink.address)
        try:
            yield started
        finally:
            started.stop()


class Meter:
    """The output of a viewer that notes what every so many of `count` pictures cost.

    cpu_ms  CPU time of the whole process for `every` pictures, as a share per `unit` of them
    age_ms  of each one, from capture to decoded pixels
    """

    is_finished = False
    presents = False

    def __init__(self, count: int, *, every: int, unit: int = 1) -> None:
        self.cpu_ms, self.age_ms = Costs(count // every), Costs(count)
        self._every, self._unit, self._seen = every, unit, 0
        self._cpu = CpuMeter()

    def take(self, shown: Shown) -> None:
        """Note one picture."""
        self._seen += 1
        self.age_ms.add((time.monotonic_ns() - shown.frame.t_capture_ns) / 1e6)
        if self._seen % self._every == 0:
            self.cpu_ms.add(self._cpu.lap_ms() * self._unit / self._every)

    def hear(self, heard: Heard) -> None:
        """Take no notice: the soak's streams have no sound."""

    def idle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to finish."""


@contextmanager
def watched(address: Address, meter: Meter) -> Iterator[WatchSession]:
    """Let a viewer watch on a thread of its own; raise what it failed with."""
    failures: list[StereocastError] = []
    with StreamClient(address, name="soak") as client:
        session = WatchSession(client, [meter])

        def watch() -> None:
            try:
                session.run()
            except StereocastError as failure:
                failures.append(failure)

        thread = threading.Thread(target=watch, name="viewer")
        thread.start()
        try:
            yield session
        finally:
            session.stop()
            thread.join()
    if failures:
        raise failures[0]


def wait(is_done: Callable[[], bool], each_look: Callable[[], None]) -> None:
    """Wait until something is done, and call `each_look` twenty times a second meanwhile."""
    while not is_done():
        each_look()
        time.sleep(_LOOK_S)
    each_look()
