"""The four parts of a soak. Each is one real stream, and returns what it did and what it held."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

from torch import Tensor

from stereocast.bench.soak.running import Meter, Running, running, wait, watched
from stereocast.bench.soak.sources import SIZE, Looped
from stereocast.bench.soak.vitals import SAMPLES, WARM_UP, Costs, CpuMeter, Growth, Held, Yardstick
from stereocast.engine.errors import StereocastError
from stereocast.runtime.client import StreamClient
from stereocast.runtime.source.synthetic import SyntheticSource
from stereocast.runtime.wire import FrameMessage

STREAM_FPS = 30.0
"""An accelerated frame stands for a thirtieth of a second."""
LAP = 10
"""Frames whose cost is measured together: two that come in one breath share it."""
HOLD = 6
"""Frames between two changes of size."""
_JOIN_S = 60.0

Advance = Callable[[], None]


class _Part:
    """Looks at a part while it goes on: the bar, the memory, what is held.

    total  units of work: frames, seconds, viewers, changes
    done   how many are behind it
    """

    def __init__(self, total: int, advance: Advance) -> None:
        self.total, self.done = total, 0
        self._advance = advance
        self._growth, self._yardstick = Growth(), Yardstick(SAMPLES)
        self._before = Held.least()
        self._warm: Held | None = None
        self._end: Held | None = None
        self._began_s = time.monotonic()

    def at(self, done: int) -> None:
        """Note how much is done."""
        done = min(done, self.total)
        for _ in range(done - self.done):
            self._advance()
        self.done = max(self.done, done)
        if self._growth.look(self.done / self.total):
            self._yardstick.measure()
        if self._warm is None and self.done >= WARM_UP * self.total:
            self._warm = Held.least()

    def follow(self, stream: Running, count: Callable[[], int]) -> None:
        """Wait until all is done, or the stream has ended."""
        wait(lambda: self.done >= self.total or not stream.lives, lambda: self.at(count()))
        self._end = Held.least(self._warm)

    def finish(self) -> None:
        """Note what is held at the end, where there was nothing to follow."""
        self._end = Held.least(self._warm)

    def report(self, hours: float | None = None) -> dict[str, object]:
        """Return what was done, how memory went, and what was held; call it when all is closed.

        hours  of stream that the part stands for; None: as long as it took
        """
        seconds = time.monotonic() - self._began_s
        held = {"before": self._before, "warm": self._warm, "end": self._end}
        held["after"] = Held.least(self._before)
        return {
            "done": self.done,
            "wanted": self.total,
            "seconds": round(seconds, 1),
            "memory": self._growth.report(seconds / 3600 if hours is None else hours),
            "yardstick_ms": self._yardstick.cpu_ms.report(),
            "held": {name: asdict(each) for name, each in held.items() if each is not None},
        }


def frames(pictures: list[Tensor], count: int, advance: Advance) -> dict[str, object]:
    """Send `count` frames as fast as one viewer takes them."""
    part, meter = _Part(count, advance), Meter(count, every=LAP)
    with running(Looped(pictures)) as stream, watched(stream.address, meter) as session:
        part.follow(stream, lambda: session.counts.shown)
    return {
        **part.report(count / STREAM_FPS / 3600),
        "decode_errors": session.counts.decode,
        "cpu_ms": meter.cpu_ms.report(),
    }


def real_time(minutes: float, advance: Advance) -> dict[str, object]:
    """Send the built-in scene at 30 a second; its units are seconds."""
    seconds = max(1, round(60 * minutes))
    part, meter = _Part(seconds, advance), Meter(round(seconds * STREAM_FPS), every=LAP)
    source = SyntheticSource(f"testsrc:?size={SIZE[1]}x{SIZE[0]}&fps={STREAM_FPS:g}")
    with running(source) as stream, watched(stream.address, meter) as session:
        began_s = time.monotonic()
        part.follow(stream, lambda: int(time.monotonic() - began_s))
        sent, fps, drops = stream.report.frames_out, stream.report.fps, dict(stream.report.drops)
    return {
        **part.report(seconds / 3600),
        "frames": sent,
        "fps": round(fps, 2),
        "drops": drops,
        "decode_errors": session.counts.decode,
        "cpu_ms": meter.cpu_ms.report(),
        "age_ms": meter.age_ms.report(),
    }


def connects(pictures: list[Tensor], count: int, advance: Advance) -> dict[str, object]:
    """Let `count` viewers come one after the other; each takes its key picture and leaves."""
    part, costs = _Part(count, advance), Costs(count)
    with running(Looped(pictures)) as stream:
        cpu = CpuMeter()
        for number in range(count):
            with StreamClient(stream.address, name=f"visitor {number}") as client:
                _take_key(client)
            costs.add(cpu.lap_ms())
            part.at(number + 1)
        part.finish()
    return {**part.report(), "cpu_ms": costs.report()}


def reconfigurations(pictures: list[Tensor], count: int, advance: Advance) -> dict[str, object]:
    """Change the size of the pictures `count` times under a viewer that watches on."""
    part, meter = _Part(count, advance), Meter(HOLD * count, every=HOLD, unit=HOLD)
    source = Looped(pictures, turn_every=HOLD)
    with running(source) as stream, watched(stream.address, meter) as session:
        part.follow(stream, lambda: min(stream.report.refits, session.counts.restarts))
    return {
        **part.report(),
        "decode_errors": session.counts.decode,
        "cpu_ms": meter.cpu_ms.report(),
    }


def _take_key(client: StreamClient) -> None:
    end_s = time.monotonic() + _JOIN_S
    while time.monotonic() < end_s:
        message = client.receive(1000)
        if isinstance(message, FrameMessage):
            if not message.is_keyframe:
                raise StereocastError("a viewer that came got a picture that it cannot decode")
            return
    raise StereocastError(f"a viewer that came got no picture within {_JOIN_S:g} s")
