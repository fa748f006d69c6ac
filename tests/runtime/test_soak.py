"""Long runs: nothing grows, nothing is left behind."""

from __future__ import annotations

import gc
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

from stereocast.engine.frame import Frame
from stereocast.engine.session import Session
from stereocast.runtime.client import StreamClient
from stereocast.runtime.encode.x264 import X264Config, X264Encoder
from stereocast.runtime.sink.zmq_router import RouterSink
from tests.streams import STREAM, next_frame, write

pytestmark = pytest.mark.slow

SIZE = (90, 160)


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_memory_stays_flat_over_three_thousand_frames():
    # In a process of its own: what tests before it have left in the allocator moves about.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        cuts, grown_mib = pool.submit(long_run).result()
    assert cuts > 50, "the clip has a cut every 40 frames"
    assert grown_mib < 3


def long_run() -> tuple[int, float]:
    """Convert and code 3000 frames; return the cuts, and how memory grew after the first 500."""
    torch.set_num_threads(1)  # as the suite does: more of them wait for each other
    pictures = torch.randint(0, 256, (8, 3, *SIZE), dtype=torch.uint8)
    session = Session(SIZE)
    height, width = session.layout.packed_size(*SIZE)
    encoder = X264Encoder(X264Config(), width=width, height=height, fps=30.0)
    after: dict[int, float] = {}
    for index in range(3000):
        stereo = session.step(Frame(pictures[index // 40 % 8], index * 33_000_000, index))
        encoder.encode(stereo, keyframe=index % 100 == 0)
        if index in (500, 2999):
            gc.collect()
            after[index] = resident_mib()
    encoder.close()
    return session.cuts, after[2999] - after[500]


def test_two_hundred_viewers_come_and_go_and_leave_nothing(address):
    with RouterSink(address, STREAM) as sink:
        before: tuple[int, int] | None = None
        for seq in range(200):
            with StreamClient(sink.address, name=f"visitor {seq}") as client:
                assert sink.wait_for_credit(3)
                write(sink, seq, is_key=True)
                assert next_frame(client).seq == seq
            if seq == 20:
                before = (len(os.listdir("/proc/self/fd")), threading.active_count())
        assert before is not None
        files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
        assert files <= before[0] + 8
        assert threads <= before[1]
