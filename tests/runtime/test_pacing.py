"""runtime/pacing: a file's clock waits for the engine, a live source's waits for nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stereocast.engine.errors import SourceError
from stereocast.runtime.mailbox import Closed
from stereocast.runtime.pacing import Captured, PacedSource
from stereocast.runtime.source.file import FileSource
from tests import clips
from tests.camera import Camera

NANO = 1_000_000_000


def taken(paced: PacedSource, pause_s: float = 0.0) -> Iterator[Captured]:
    """Yield what an engine gets that needs `pause_s` for each frame."""
    while True:
        try:
            captured = paced.box.take(5)
        except Closed:
            return
        assert captured is not None
        yield captured
        time.sleep(pause_s)


def test_a_file_comes_whole_and_in_order_however_slow_the_engine(tmp_path: Path) -> None:
    source = FileSource(clips.variable_rate(tmp_path / "a.mkv"))
    with closing(PacedSource(source)) as paced:
        paced.start()
        frames = list(taken(paced, pause_s=0.02))
    assert [captured.frame.index for captured in frames] == list(range(12))
    assert (paced.frames, paced.box.dropped) == (12, 0)
    assert all(captured.t_capture_ns is None for captured in frames)


def test_a_file_is_let_out_at_its_own_times(tmp_path: Path) -> None:
    source = FileSource(clips.variable_rate(tmp_path / "a.mkv"))
    with closing(PacedSource(source)) as paced:
        paced.start()
        frames = list(taken(paced))
    for captured in frames:
        due_ns = frames[0].t_dequeue_ns + captured.frame.pts_ns - frames[0].frame.pts_ns
        assert captured.t_dequeue_ns >= due_ns - NANO // 1000


def test_a_file_does_not_rush_after_a_pause_of_the_engine(tmp_path: Path) -> None:
    """The clock has waited as well: what follows keeps its distances."""
    source = FileSource(clips.write(tmp_path / "a.mkv", clips.Clip(count=8, rate=25)))
    with closing(PacedSource(source)) as paced:
        paced.start()
        frames = taken(paced)
        next(frames)
        time.sleep(0.4)
        rest = list(frames)
    span_ns = rest[-1].t_dequeue_ns - rest[1].t_dequeue_ns
    assert span_ns >= rest[-1].frame.pts_ns - rest[1].frame.pts_ns - 2 * NANO // 1000


def test_of_a_live_source_only_the_newest_frame_waits() -> None:
    with closing(PacedSource(Camera(count=30))) as paced:
        paced.start()
        while not paced.box.is_closed:
            time.sleep(0.01)
        frames = list(taken(paced))
    assert [captured.frame.index for captured in frames] == [29]
    assert (paced.frames, paced.box.dropped) == (30, 29)


def test_a_live_frame_was_captured_when_it_was_due() -> None:
    with closing(PacedSource(Camera(count=10, fps=50))) as paced:
        paced.start()
        frames = list(taken(paced))
    first = frames[0]
    for captured in frames:
        assert captured.t_capture_ns is not None and first.t_capture_ns is not None
        since_first_ns = captured.frame.pts_ns - first.frame.pts_ns
        assert abs(captured.t_capture_ns - first.t_capture_ns - since_first_ns) <= 10
        assert captured.t_dequeue_ns >= captured.t_capture_ns


def test_a_file_in_real_time_drops_what_is_late(tmp_path: Path) -> None:
    source = FileSource(clips.write(tmp_path / "a.mkv", clips.Clip(count=20, rate=50)))
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
    file = PacedSource(FileSource(clips.write(tmp_path / "a.mkv", clips.Clip())))
    file.start()
    file.close()
    assert file.frames <= 2
