"""runtime/pacing: a file's clock waits for the engine, a live source's waits for nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame
from stereocast.runtime.mailbox import Closed
from stereocast.runtime.pacing import Captured, PacedSource
from stereocast.runtime.source.file import FileSource
from tests import clips
from tests.camera import Camera
from tests.clips import Clip
from tests.patience import PATIENCE_S, eventually, soonest

NANO = 1_000_000_000


def taken(paced: PacedSource, pause_s: float = 0.0) -> Iterator[Captured]:
    """Yield what an engine gets that needs `pause_s` for each frame."""
    while True:
        try:
            captured = paced.box.take(PATIENCE_S)
        except Closed:
            return
        assert captured is not None
        yield captured
        time.sleep(pause_s)


def clip(path: Path, *, count: int = 10, rate: int = 25) -> FileSource:
    return FileSource(clips.write(path / "a.mkv", Clip(count=count, rate=rate)))


def test_a_file_comes_whole_and_in_order_however_slow_the_engine(tmp_path: Path) -> None:
    with closing(PacedSource(clip(tmp_path, rate=100))) as paced:
        paced.start()
        frames = list(taken(paced, pause_s=0.03))
    assert paced.waits
    assert [captured.frame.index for captured in frames] == list(range(10))
    assert (paced.frames, paced.box.dropped) == (10, 0)
    assert all(captured.t_capture_ns is None for captured in frames)


def test_a_file_is_never_let_out_early(tmp_path: Path) -> None:
    times_ms = (0, 16, 49, 149, 300)
    source = FileSource(clips.write(tmp_path / "a.mkv", Clip(count=5, pts_ms=times_ms)))
    with closing(PacedSource(source)) as paced:
        began_ns = time.monotonic_ns()
        paced.start()
        moments_ns = [time.monotonic_ns() - began_ns for _ in taken(paced)]
    assert len(moments_ns) == 5
    for moment_ns, due_ms in zip(moments_ns, times_ms, strict=True):
        assert moment_ns >= due_ms * 1_000_000


def test_a_file_does_not_rush_after_a_pause_of_the_engine(tmp_path: Path) -> None:
    """The clock has waited as well: from the second frame on, distances are as they were.

    The first two of the rest were decoded ahead while the engine paused.
    """

    def rushed_s() -> float:
        with closing(PacedSource(clip(tmp_path, count=8))) as paced:
            paced.start()
            frames = taken(paced)
            next(frames)
            time.sleep(0.3)
            moments_ns = [(time.monotonic_ns(), captured.frame.pts_ns) for captured in frames]
        (first_ns, first_pts_ns), (last_ns, last_pts_ns) = moments_ns[1], moments_ns[-1]
        assert len(moments_ns) == 7
        return ((last_pts_ns - first_pts_ns) - (last_ns - first_ns)) / NANO

    assert soonest(3, 1 / 25, rushed_s) <= 1 / 25


def test_of_a_live_source_only_the_newest_frame_waits() -> None:
    with closing(PacedSource(Camera(count=30))) as paced:
        paced.start()
        eventually(lambda: paced.box.is_closed)
        frames = list(taken(paced))
    assert [captured.frame.index for captured in frames] == [29]
    assert (paced.frames, paced.box.dropped) == (30, 29)


def test_a_live_frame_was_captured_when_it_was_due() -> None:
    interval_ns = NANO // 50
    with closing(PacedSource(Camera(count=10, fps=50))) as paced:
        paced.start()
        frames = list(taken(paced))
    start_ns = frames[0].t_capture_ns
    for captured in frames:
        assert captured.t_capture_ns is not None and start_ns is not None
        missed, rest_ns = divmod(
            captured.t_capture_ns - start_ns - captured.frame.pts_ns, interval_ns
        )
        assert (rest_ns, 0 <= missed <= paced.missed) == (0, True)
        assert captured.t_dequeue_ns >= captured.t_capture_ns


class SlowCamera(Camera):
    """A camera whose pictures take three intervals to make."""

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            time.sleep(0.03)
            yield frame


def test_a_source_that_is_too_slow_misses_frames_and_never_falls_behind() -> None:
    with closing(PacedSource(SlowCamera(count=10))) as paced:
        paced.start()
        ages_ns = [
            captured.t_dequeue_ns - (captured.t_capture_ns or 0) for captured in taken(paced)
        ]
    assert paced.missed >= 9
    # Each was begun within its interval; but a moment may be stolen between two looks at the clock.
    assert sorted(ages_ns)[len(ages_ns) // 2] < NANO // 100


def test_a_file_in_real_time_drops_what_is_late(tmp_path: Path) -> None:
    source = clip(tmp_path, count=20, rate=50)
    with closing(PacedSource(source, realtime=True)) as paced:
        assert not paced.waits
        paced.start()
        frames = list(taken(paced, pause_s=0.09))
    assert frames[-1].frame.index == 19
    assert len(frames) + paced.box.dropped == 20
    assert paced.box.dropped > 5


def test_a_source_that_breaks_breaks_the_one_who_takes() -> None:
    with closing(PacedSource(Camera(count=2, breaks=True))) as paced:
        paced.start()
        with pytest.raises(SourceError, match="unplugged"):
            list(taken(paced))


def test_closing_ends_a_source_that_nobody_takes_from(tmp_path: Path) -> None:
    camera = Camera(count=10_000)
    paced = PacedSource(camera)
    paced.start()
    paced.close()
    paced.close()
    assert camera.is_closed
    file = PacedSource(clip(tmp_path))
    file.start()
    file.close()
    assert file.frames <= 2


def take(paced: PacedSource) -> Captured:
    """The next frame that is not stale."""
    deadline = time.monotonic() + PATIENCE_S
    while (captured := paced.take(0.1)) is None:
        assert time.monotonic() < deadline
    return captured


def test_a_seek_replaces_what_was_decoded_ahead(tmp_path: Path) -> None:
    with closing(PacedSource(clip(tmp_path))) as paced:
        paced.start()
        take(paced)
        eventually(lambda: not paced.box.is_empty)
        time.sleep(0.2)  # the next one waits in the box, and the one after it for room
        assert paced.seek(0.2)
        frames = [take(paced) for _ in range(3)]
    assert [captured.frame.pts_ns * 25 // NANO for captured in frames] == [5, 6, 7]
    assert {captured.turn for captured in frames} == {1}
    assert paced.stale in (1, 2)  # the other one may still have been in the decoder


def test_a_paused_file_lets_only_the_first_frame_after_a_seek_out(tmp_path: Path) -> None:
    with closing(PacedSource(clip(tmp_path))) as paced:
        paced.start()
        take(paced)
        paced.pause(True)
        assert paced.seek(0.2)
        assert take(paced).frame.pts_ns == NANO // 5
        assert paced.take(0.2) is None
        paced.pause(False)
        assert take(paced).frame.pts_ns == NANO // 25 * 6


def test_a_file_read_to_its_end_is_not_over_while_its_last_frame_waits(tmp_path: Path) -> None:
    with closing(PacedSource(clip(tmp_path, count=2, rate=100))) as paced:
        paced.start()
        take(paced)
        time.sleep(0.2)  # long enough to read to the end; it must not count as that
        assert paced.seek(0.0)
        again = [take(paced) for _ in range(2)]
        with pytest.raises(Closed):
            take(paced)
        assert not paced.seek(0.0)
    assert [captured.frame.pts_ns for captured in again] == [0, NANO // 100]


def test_a_paused_file_does_not_end(tmp_path: Path) -> None:
    with closing(PacedSource(clip(tmp_path, count=1))) as paced:
        paced.start()
        paced.pause(True)
        take(paced)
        time.sleep(0.2)
        assert not paced.box.is_closed
        assert paced.seek(0.0)
        take(paced)
        paced.pause(False)
        with pytest.raises(Closed):
            take(paced)


def test_a_paused_file_can_be_closed(tmp_path: Path) -> None:
    paced = PacedSource(clip(tmp_path))
    paced.start()
    take(paced)
    paced.pause(True)
    began = time.monotonic()
    paced.close()
    assert time.monotonic() - began < PATIENCE_S


def test_a_camera_can_neither_wait_nor_seek() -> None:
    with closing(PacedSource(Camera(count=3))) as paced:
        assert (paced.can_pause, paced.can_seek, paced.seek(0.0)) == (False, False, False)
