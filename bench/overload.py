"""A live source that is twice as fast as the engine: how old frames are, with and without a ladder.

The rate of the source is set by a measurement: half of what one frame takes here, now. Ages are
from capture to the socket, in the source's own frame times.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch

from stereocast.engine.frame import Frame
from stereocast.engine.layout import Layout
from stereocast.runtime import machine, threads
from stereocast.runtime.address import parse_address
from stereocast.runtime.cli.live_rig import Workshop
from stereocast.runtime.client import StreamClient
from stereocast.runtime.config import Config, LiveConfig
from stereocast.runtime.ladder import Ladder, rungs
from stereocast.runtime.overload import Overload
from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.source import SourceInfo
from stereocast.runtime.source.synthetic import SyntheticSource
from stereocast.runtime.stream import Stream
from stereocast.runtime.wire import End, FrameMessage

GOAL_FRAMES = 4.0
"""p99 of the age at twice the load, in frame times of the source."""
_PICTURES = 16
_WARM_UP = 5


@dataclass(frozen=True)
class Case:
    """What is measured: a source of `size` = (H, W), `overload` times too fast, for `seconds`."""

    size: tuple[int, int] = (360, 640)
    overload: float = 2.0
    seconds: float = 20.0


class _Pictures:
    """Frames of the built-in scene, rendered beforehand, at any rate."""

    def __init__(self, pictures: list[torch.Tensor], fps: float) -> None:
        height, width = pictures[0].shape[1:]
        self.info = SourceInfo("bench:", width, height, fps, True, Fraction(1, 10**9))
        self._pictures = pictures

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            picture = self._pictures[index % len(self._pictures)]
            yield Frame(picture, round(index * 1e9 / self.info.fps), index)
            index += 1

    def close(self) -> None:
        return


def run(case: Case) -> dict[str, object]:
    """Measure without and with the ladder; return the report."""
    config = Config()
    config = replace(config, threads=threads.apply(config.threads))
    scene = SyntheticSource(f"testsrc:?size={case.size[1]}x{case.size[0]}")
    pictures = [scene.frame(3 * index).rgb for index in range(_PICTURES)]
    work_s = _work_s(pictures, config)
    fps = case.overload / work_s
    before = machine.facts()
    off = _stream(pictures, fps, case, replace(config, live=_with(config, "off")))
    ladder = _stream(pictures, fps, case, replace(config, live=_with(config, "keep-size")))
    return {
        "schema": "stereocast/bench-overload/1",
        "machine": before,
        "case": asdict(case),
        "work_ms": round(1000 * work_s, 2),
        "source_fps": round(fps, 2),
        "goal_frames": GOAL_FRAMES,
        "off": off,
        "ladder": ladder,
        "load_after": os.getloadavg(),
    }


def _with(config: Config, degrade: str) -> LiveConfig:
    return replace(config.live, degrade=degrade)


def _work_s(pictures: list[torch.Tensor], config: Config) -> float:
    """Return the median time of a whole frame, coding included."""
    height, width = pictures[0].shape[1:]
    info = SourceInfo("bench:", width, height, 30.0, True, Fraction(1, 10**9))
    rig = Workshop(info, config, Layout.FULL_SBS).build((height, width))
    durations = []
    with closing(rig):
        for index in range(_WARM_UP + 20):
            frame = Frame(pictures[index % len(pictures)], index * 33_000_000, index)
            began = time.perf_counter()
            rig.encoder.encode(rig.session.step(frame))
            durations.append(time.perf_counter() - began)
    return sorted(durations[_WARM_UP:])[10]


def _stream(
    pictures: list[torch.Tensor], fps: float, case: Case, config: Config
) -> dict[str, object]:
    source = _Pictures(pictures, fps)
    workshop = Workshop(source.info, config, Layout.FULL_SBS)
    rig = workshop.build(case.size)
    stop = threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="stereocast-bench-") as folder,
        closing(PacedSource(source)) as paced,
        RouterSink(parse_address(f"ipc://{folder}/s/b", folder=Path(folder)), rig.stream) as sink,
    ):
        overload = None
        if config.live.degrade != "off":
            steps = rungs(can_shrink=False)
            workshop.foresee(rig.session, steps)
            overload = Overload(paced, Ladder(steps), workshop.session, sink.tell)
        stream = Stream(paced, rig, sink, build=workshop.build, overload=overload)
        viewer = threading.Thread(target=_view, args=(sink, stop))
        viewer.start()
        timer = threading.Timer(case.seconds, stop.set)
        timer.start()
        resident = _resident_mib()
        with closing(stream):
            stream.run(stop)
        stop.set()
        viewer.join()
        report, interval_ms = stream.report, 1000 / fps
        ages = report.account.total.report_ms()
        return {
            "fps": round(report.fps, 2),
            "frames_out": report.frames_out,
            "drops": report.drops,
            "age_frames": {name: round(value / interval_ms, 2) for name, value in ages.items()},
            "age_ms": ages,
            "rung": "" if overload is None else overload.ladder.rung.name,
            "grown_mib": round(_resident_mib() - resident, 1),
        }


def _view(sink: RouterSink, stop: threading.Event) -> None:
    """Take every picture at once, as a viewer that is never in the way."""
    with StreamClient(sink.address, name="bench") as client:
        while not stop.is_set():
            message = client.receive(20)
            if isinstance(message, FrameMessage):
                client.grant(1, message.seq)
            elif isinstance(message, End):
                return


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
