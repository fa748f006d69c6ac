"""runtime/stream: sources, engine, encoder and real viewers together, in one process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stereocast.engine.errors import SourceError
from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.source.file import FileSource
from stereocast.runtime.watch.outputs import Measure
from stereocast.runtime.watch.session import Ending, WatchSession
from tests import clips
from tests.camera import Camera
from tests.clips import Clip
from tests.patience import eventually
from tests.running import PATIENCE_S, Running
from tests.streams import PATIENCE_MS, next_frame

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address(f"ipc://{tmp_path / 's' / 'stream'}", folder=tmp_path)


def watch(address: Address, *, slow_ms: float = 0.0, frames: int | None = None) -> WatchSession:
    """Watch to the end, or `frames` pictures."""
    with StreamClient(address, name="test") as client:
        session = WatchSession(client, [], slow_ms=slow_ms)
        session.run(seconds=PATIENCE_S, frames=frames)
    return session


def test_every_frame_of_a_file_is_proven_in_both_eyes(tmp_path: Path, address: Address) -> None:
    path = clips.write(tmp_path / "a.mkv", Clip(height=180, width=320, count=25))
    measure = Measure()
    with (
        Running(FileSource(path), address, strip=True) as running,
        StreamClient(address, name="test") as client,
    ):
        session = WatchSession(client, [measure])
        assert session.run(seconds=PATIENCE_S) is Ending.END_OF_STREAM
    counts, strips = session.counts, measure.strips
    assert (counts.shown, counts.skipped, counts.decode) == (25, 0, 0)
    assert (strips.proven, strips.unreadable) == (25, 0)
    assert (running.report.frames_out, running.failure) == (25, None)
    assert sum(running.report.drops.values()) == 0


def test_a_slow_viewer_still_gets_every_frame_of_a_file(tmp_path: Path, address: Address) -> None:
    path = clips.write(tmp_path / "a.mkv", Clip(count=12))
    with Running(FileSource(path), address):
        session = watch(address, slow_ms=60)
    assert (session.counts.shown, session.counts.skipped) == (12, 0)


def test_a_file_waits_for_the_next_viewer_when_one_leaves(tmp_path: Path, address: Address) -> None:
    path = clips.write(tmp_path / "a.mkv", Clip(count=30))
    with Running(FileSource(path), address) as running:
        first = watch(address, frames=5)
        second = watch(address)
        assert running.ended()
    assert first.counts.shown == 5
    # Credits of the one who left may have cost a few; the second begins with a key picture.
    assert second.counts.shown >= 30 - 5 - 4
    assert second.counts.decode == second.counts.desync == 0


def test_of_a_live_source_a_slow_viewer_gets_the_newest_frames(address: Address) -> None:
    camera = Camera(count=100)
    with Running(camera, address) as running:
        session = watch(address, slow_ms=50)
    report = running.report
    assert session.counts.shown < 50
    assert session.counts.skipped > 0
    assert sum(report.drops.values()) > 0
    assert report.frames_out + sum(report.drops.values()) <= running.paced.frames == 100
    # Two are under way at 50 ms each; a queue would have grown to most of a second.
    assert session.account.total.percentile_ns(50) < 400_000_000


def test_a_viewers_wish_is_in_force_soon(address: Address) -> None:
    with (
        Running(Camera(count=10_000), address) as running,
        StreamClient(address, name="test") as client,
    ):
        before = running.session.controls
        client.send_quality(strength=7.0, balance=9.0)
        session = WatchSession(client, [])
        deadline = time.monotonic() + PATIENCE_S
        while running.session.controls == before and time.monotonic() < deadline:
            session.run(seconds=PATIENCE_S, frames=session.counts.shown + 1)
        after = running.session.controls
    assert (after.strength, after.balance) == (7.0, 1.0)
    assert (after.convergence, after.comfort) == (before.convergence, before.comfort)


def test_who_comes_in_a_pause_gets_the_depth_of_its_picture(
    tmp_path: Path, address: Address
) -> None:
    path = clips.write(tmp_path / "a.mkv", Clip(count=1000))
    with (
        Running(FileSource(path), address) as running,
        StreamClient(address, name="first") as first,
    ):
        assert next_frame(first).depth is None
        first.send_quality(paused=True)
        eventually(lambda: running.is_paused)
        with StreamClient(address, name="late", credit=0) as late:
            late.send_quality(depth=True)
            late.grant(1)
            while not isinstance(message := late.receive(PATIENCE_MS), wire.FrameMessage):
                assert message is not None  # it is told of the pause, before or after the picture
            assert message.depth is not None


def test_a_file_that_breaks_ends_the_stream_after_what_was_good(
    tmp_path: Path, address: Address
) -> None:
    source = FileSource(clips.damaged(tmp_path / "a.mp4"))
    with (
        Running(source, address) as running,
        StreamClient(address, name="test") as client,
    ):
        session = WatchSession(client, [])
        assert session.run(seconds=PATIENCE_S) is Ending.END_OF_STREAM
        assert running.ended()
    assert session.counts.shown == 10
    assert isinstance(running.failure, SourceError)
    assert "at picture 10" in str(running.failure)


def test_a_source_that_breaks_unwatched_is_no_silent_end(address: Address) -> None:
    with Running(Camera(count=3, breaks=True), address) as running:
        assert running.ended()
    assert isinstance(running.failure, SourceError)


def test_a_live_source_that_ends_unwatched_ends_the_stream(address: Address) -> None:
    camera = Camera(count=3)
    with Running(camera, address) as running:
        assert running.ended()
    assert (running.failure, running.report.frames_out) == (None, 0)
    assert camera.is_closed


def test_a_file_waits_for_its_first_viewer_and_stops_when_told(
    tmp_path: Path, address: Address
) -> None:
    path = clips.write(tmp_path / "a.mkv", Clip(count=1))
    with Running(FileSource(path), address) as running:
        time.sleep(0.3)
        assert running.report.frames_out == 0
        running.stop.set()
        assert running.ended()
    assert running.failure is None
