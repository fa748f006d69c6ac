"""Pause, seek, facts and depth, as viewers of a real stream meet them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient, Sync
from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.playback import SPACING_NS, Playback
from stereocast.runtime.source.file import FileSource
from tests import clips
from tests.camera import Camera
from tests.clips import Clip
from tests.patience import PATIENCE_S, eventually
from tests.running import Running

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address(f"ipc://{tmp_path / 's' / 'stream'}", folder=tmp_path)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds, a key picture every one."""
    options = (("crf", "20"), ("preset", "ultrafast"), ("g", "25"))
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return clips.write(path, Clip(count=100, options=options))


class Viewer:
    """A viewer that takes every frame at once and remembers all that came."""

    def __init__(self, address: Address, name: str) -> None:
        self.client = StreamClient(address, name=name)
        self.frames: list[wire.FrameMessage] = []
        self.notices: list[wire.Notice] = []
        self.ended = False
        self.lost = 0
        self._sync = Sync()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def watch(self, seconds: float) -> None:
        """Take what comes for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._take(20)

    def until(self, fulfilled: Callable[[], bool]) -> None:
        """Take what comes until something is so; fail if that is not soon."""
        deadline = time.monotonic() + PATIENCE_S
        while not fulfilled():
            assert time.monotonic() < deadline
            self._take(20)

    def until_frames(self, count: int) -> None:
        self.until(lambda: len(self.frames) >= count)

    def until_told(self, code: str) -> str:
        self.until(lambda: any(notice.code == code for notice in self.notices))
        return next(notice.text for notice in self.notices if notice.code == code)

    def pause(self) -> None:
        """Pause, and take what was under way: a picture in the making may still come."""
        self.client.send_quality(paused=True)
        self.until_told("paused")
        count = -1
        while count != len(self.frames):
            count = len(self.frames)
            self.watch(0.3)

    def _take(self, timeout_ms: int) -> None:
        message = self.client.receive(timeout_ms)
        if isinstance(message, wire.FrameMessage):
            self.frames.append(message)
            self.lost += not self._sync.accept(message)
            self.client.grant(1, message.seq)
        elif isinstance(message, wire.Notice):
            self.notices.append(message)
        elif isinstance(message, wire.End):
            self.ended = True


@pytest.fixture
def running(film: Path, address: Address) -> Iterator[Running]:
    with Running(FileSource(film), address) as stream:
        yield stream
    assert stream.failure is None


@pytest.fixture
def viewer(running: Running, address: Address) -> Iterator[Viewer]:
    with Viewer(address, "Ada") as opened:
        opened.until_frames(3)
        yield opened


def test_a_pause_freezes_the_picture_and_its_end_goes_on_with_the_next(
    running: Running, viewer: Viewer
) -> None:
    viewer.pause()
    count, before = len(viewer.frames), running.report.account.total.max_ns
    paused = time.monotonic_ns()
    viewer.watch(0.8)
    assert len(viewer.frames) == count
    paused_ns = time.monotonic_ns() - paused
    viewer.client.send_quality(paused=False)
    assert viewer.until_told("resumed") == "resumed by Ada"
    viewer.until_frames(count + 10)
    assert [frame.seq for frame in viewer.frames] == list(range(len(viewer.frames)))
    assert viewer.lost == 0
    assert viewer.notices[0].text == "paused by Ada"
    assert running.playback.pauses == 1
    # The pause is nobody's latency, and does not slow the rate down.
    report = running.report
    assert report.account.total.max_ns < max(before, paused_ns)
    assert report.still_ns >= paused_ns
    assert report.fps > (report.frames_out - 1) * 1e9 / (report.last_ns - report.first_ns)


def test_a_seek_shows_another_place_from_its_first_picture_on(
    running: Running, viewer: Viewer
) -> None:
    viewer.client.send_quality(seek_s=2.0)
    viewer.until(lambda: bool(viewer.frames[-1].flags & wire.Flag.DISCONT))
    frame = viewer.frames[-1]
    assert frame.is_keyframe
    assert frame.facts["position_s"] == frame.src_pts_ns / 1e9 == 2.0
    viewer.until_frames(len(viewer.frames) + 5)
    after = viewer.frames[viewer.frames.index(frame) :]
    assert [f.facts["position_s"] for f in after] == pytest.approx(
        [2 + n / 25 for n in range(len(after))]
    )
    assert not any(f.flags & wire.Flag.DISCONT for f in after[1:])
    assert viewer.until_told("seek") == "Ada went to 0:02"
    assert (viewer.lost, running.playback.seeks) == (0, 1)


def test_what_is_remembered_is_forgotten_at_a_seek(running: Running, viewer: Viewer) -> None:
    """The picture found by seeking has the facts of one that a stream begins with."""
    first = viewer.frames[0]
    viewer.client.send_quality(seek_s=0.0)
    viewer.until(lambda: bool(viewer.frames[-1].flags & wire.Flag.DISCONT))
    again = viewer.frames[-1]
    assert again.src_pts_ns == first.src_pts_ns
    assert again.facts == first.facts


def test_a_seek_in_a_pause_shows_its_picture_and_stands_still(viewer: Viewer) -> None:
    viewer.pause()
    for position_s in (3.0, 1.0):
        count = len(viewer.frames)
        viewer.client.send_quality(seek_s=position_s)
        viewer.until_frames(count + 1)
        viewer.watch(0.3)
        assert [frame.facts["position_s"] for frame in viewer.frames[count:]] == [position_s]
    viewer.client.send_quality(paused=False)
    viewer.until_frames(len(viewer.frames) + 3)
    assert viewer.frames[-1].facts["position_s"] > 1.0
    assert viewer.lost == 0


def test_who_drags_a_slider_ends_where_it_was_left(viewer: Viewer) -> None:
    for tenth in range(10, 30):
        viewer.client.send_quality(seek_s=tenth / 10)
        viewer.watch(0.01)
    viewer.client.send_quality(seek_s=0.4)  # where the slider was not before

    def turns() -> list[float]:
        return [f.facts["position_s"] for f in viewer.frames if f.flags & wire.Flag.DISCONT]

    viewer.until(lambda: turns()[-1:] == [0.4])
    viewer.watch(0.3)
    assert turns()[-1] == 0.4
    assert viewer.frames[-1].facts["position_s"] < 2
    assert viewer.lost == 0


def test_who_comes_in_a_pause_sees_the_picture_and_why_it_stands(
    running: Running, viewer: Viewer, address: Address
) -> None:
    viewer.pause()
    seq = viewer.frames[-1].seq
    with Viewer(address, "Bob") as late:
        late.until_frames(1)
        assert (late.frames[0].seq, late.frames[0].is_keyframe) == (seq, True)
        assert late.until_told("paused") == "paused by Ada"
        late.watch(0.2)
        late.client.send_quality(paused=False)
        late.until_frames(4)
    viewer.until(lambda: viewer.frames[-1].seq >= seq + 2)
    assert [frame.seq for frame in late.frames[:4]] == list(range(seq, seq + 4))
    assert (late.lost, viewer.lost, running.playback.repeats) == (0, 0, 1)


def test_depth_comes_only_to_who_asked(viewer: Viewer, address: Address) -> None:
    with Viewer(address, "Bob") as other:
        viewer.client.send_quality(depth=True)
        viewer.until(lambda: viewer.frames[-1].depth is not None)
        other.until_frames(5)
        depth = viewer.frames[-1].depth
        viewer.client.send_quality(depth=False)
        viewer.until(lambda: viewer.frames[-1].depth is None)
    assert depth is not None
    assert (min(depth.data), max(depth.data)) == (0, 255)
    assert depth.w / depth.h == pytest.approx(64 / 48, rel=0.15)
    assert all(frame.depth is None for frame in other.frames)
    assert (viewer.lost, other.lost) == (0, 0)


def test_every_frame_says_where_it_is_and_how_deep(viewer: Viewer) -> None:
    for frame in viewer.frames:
        assert frame.facts["position_s"] == frame.src_pts_ns / 1e9
        assert frame.facts["depth_near"] >= frame.facts["depth_far"]
        assert frame.facts["cut"] == 0


def test_who_comes_later_is_told_where_the_controls_stand(viewer: Viewer, address: Address) -> None:
    viewer.client.send_quality(strength=7.0)

    def told() -> float:
        with Viewer(address, "Bob") as late:
            controls = late.client.welcome.controls
        return controls["strength"] if controls else 0.0

    viewer.until(lambda: told() == 7.0)


def test_a_pause_ends_when_nobody_watches(
    running: Running, viewer: Viewer, address: Address
) -> None:
    viewer.pause()
    assert running.is_paused
    viewer.client.close()
    eventually(lambda: not running.is_paused)
    with Viewer(address, "Bob") as late:
        late.until_frames(5)
    assert late.lost == 0 and late.notices == []


def test_a_paused_stream_ends_at_once_when_told(running: Running, viewer: Viewer) -> None:
    viewer.pause()
    running.stop.set()
    viewer.until(lambda: viewer.ended)


def test_a_file_in_real_time_resumes_with_a_fresh_picture(film: Path, address: Address) -> None:
    with Running(FileSource(film), address, realtime=True) as running:
        with Viewer(address, "Ada") as viewer:
            viewer.until_frames(3)
            viewer.pause()
            count = len(viewer.frames)
            paused = time.monotonic_ns()
            viewer.watch(1.0)
            assert len(viewer.frames) == count
            paused_ns = time.monotonic_ns() - paused
            viewer.client.send_quality(paused=False)
            viewer.until_frames(count + 3)
        before, after = viewer.frames[count - 1 : count + 1]
    assert after.facts["position_s"] - before.facts["position_s"] < paused_ns / 1e9
    assert running.report.account.total.max_ns < paused_ns


def test_a_live_source_is_neither_paused_nor_sought_in(address: Address) -> None:
    with Running(Camera(count=10_000), address), Viewer(address, "Ada") as viewer:
        viewer.until_frames(2)
        viewer.client.send_quality(paused=True)
        assert "cannot be paused" in viewer.until_told("refused")
        viewer.notices.clear()
        viewer.client.send_quality(seek_s=1.0)
        assert "cannot be sought in" in viewer.until_told("refused")
        viewer.until_frames(len(viewer.frames) + 5)
        assert all(notice.level == "warning" for notice in viewer.notices)


def test_many_wishes_make_few_notices_and_the_last_one_is_told(film: Path) -> None:
    told: list[wire.Notice] = []
    with closing(PacedSource(FileSource(film))) as paced:
        playback = Playback(paced, told.append)
        for n in range(100):
            playback.obey("Ada", wire.Quality(seek_s=n / 50, paused=n % 2 == 0))
            playback.tick(n * SPACING_NS // 50)
        playback.tick(2 * SPACING_NS)
    assert len(told) <= 6
    assert [notice.text for notice in told[-2:]] == ["resumed by Ada", "Ada went to 0:01"]
    assert (playback.counts.seeks, paced.turn) == (100, 100)
