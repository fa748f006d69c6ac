"""Every kind of live source keeps the same promises: real sockets, processes, a real screen."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from stereocast.engine.frame import Frame
from stereocast.runtime.source import Arrival, ArrivingSource
from stereocast.runtime.source.live.source import LiveSource
from tests.clips import picture
from tests.runtime.live_kinds import HEIGHT, KINDS, WIDTH, opened

PATIENCE_S = 30.0

pytestmark = pytest.mark.usefixtures("one_torch_thread")


class Reading:
    """A source that is being read."""

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self.arrivals: Iterator[Arrival] = source.arrivals()

    def frame(self) -> Frame:
        """Return the next frame that is still there."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            frame = next(self.arrivals).read()
            if frame is not None:
                return frame
        raise AssertionError("no frame came")


# One kind in the quick suite: starting processes takes its time.
KIND_PARAMS = [
    pytest.param(kind, marks=() if kind == "tcp" else pytest.mark.slow) for kind in KINDS
]


@pytest.fixture(scope="module", params=KIND_PARAMS)
def reading(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    with opened(request.param, tmp_path_factory.mktemp(request.param)) as source:
        yield Reading(source)


def test_it_tells_its_size_and_that_it_is_live_before_the_first_frame(reading: Reading) -> None:
    info = reading.source.info
    assert (info.width, info.height, info.live) == (WIDTH, HEIGHT, True)
    assert info.frames is info.duration_ns is info.seekable_ns is None
    assert 1 <= info.fps <= 60
    assert isinstance(reading.source, ArrivingSource)


def test_frames_have_growing_numbers_and_times(reading: Reading) -> None:
    frames = [reading.frame() for _ in range(4)]
    assert all(a.index < b.index and a.pts_ns < b.pts_ns for a, b in pairwise(frames))


def test_a_frame_shows_what_was_sent(request: pytest.FixtureRequest, reading: Reading) -> None:
    rgb = reading.frame().rgb
    assert rgb.shape == (3, HEIGHT, WIDTH)
    assert rgb.dtype == torch.uint8
    if "screen" in request.node.name:
        wanted = torch.tensor([0xC8, 0x3C, 0x1E])
        assert (rgb[:, 40, 60].int() - wanted).abs().max() <= 2
        return
    # The gradient of tests.clips away from its moving box, within what coding may cost.
    sent = torch.from_numpy(picture(0, HEIGHT, WIDTH)).permute(2, 0, 1)[:, HEIGHT // 2 + 8 :]
    off = (rgb[:, HEIGHT // 2 + 8 :].int() - sent.int()).abs().float()
    assert off.mean() < 6


def test_who_is_slow_gets_the_newest_picture(reading: Reading) -> None:
    before = reading.frame()
    time.sleep(0.6)
    after = reading.frame()
    # At 10 or 30 a second several were passed over; a queue would have given the next one.
    assert after.index - before.index >= 3


def test_it_comes_back_when_its_reader_dies(reading: Reading) -> None:
    source, before = reading.source, reading.frame()
    died, back = source.reader_pid, source.reconnects
    os.kill(died, signal.SIGKILL)
    after = reading.frame()
    while source.reconnects == back:
        after = reading.frame()
    assert after.index > before.index
    assert after.pts_ns > before.pts_ns
    assert source.absence is None
    assert source.reader_pid != died
    assert "came back" in source.remarks[0]


def test_closing_ends_its_process_and_its_iteration(tmp_path: Path) -> None:
    with opened("tcp", tmp_path) as source:
        arrivals = source.arrivals()
        next(arrivals)
        pid = source.reader_pid
        source.close()
        assert next(arrivals, None) is None
    assert not Path(f"/proc/{pid}").exists()
