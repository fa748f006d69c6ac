"""runtime/convert: every frame once and in order, and a clear end when something breaks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stereocast.engine.errors import EncodeError, SourceError
from stereocast.engine.frame import Frame, StereoFrame
from stereocast.engine.session import Session
from stereocast.runtime.convert import Conversion
from stereocast.runtime.sink.file import FileSink
from stereocast.runtime.sink.output import VideoShape
from stereocast.runtime.source import Source
from stereocast.runtime.source.file import FileSource
from tests import clips
from tests.camera import Camera

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.mkv"


def conversion(source: Source, target: Path) -> tuple[Conversion, FileSink]:
    session = Session((48, 64))
    video = VideoShape(128, 48, source.info.fps, session.layout, Fraction(1, 1000))
    sink = FileSink(target, video=video)
    return Conversion(source, session, sink), sink


def times_ms(path: Path) -> list[int]:
    with av.open(path) as container:
        return [round(1000 * frame.time) for frame in container.decode(video=0)]


def test_every_frame_keeps_its_time(tmp_path: Path, target: Path) -> None:
    source = FileSource(clips.variable_rate(tmp_path / "in.mkv"))
    job, sink = conversion(source, target)
    steps: list[int] = []
    job.run(threading.Event(), on_frame=lambda: steps.append(job.report.frames_in))
    sink.close()
    assert times_ms(target) == list(clips.VFR_MS)
    report = job.report
    assert (report.frames_in, report.frames_out, report.partial) == (12, 12, None)
    assert len(steps) == 12
    assert all(stage.count == 12 for stage in (*report.stages.values(), report.total))


def test_a_source_that_breaks_leaves_what_came_before(tmp_path: Path, target: Path) -> None:
    job, sink = conversion(FileSource(clips.damaged(tmp_path / "in.mp4")), target)
    job.run(threading.Event(), on_frame=lambda: None)
    sink.close()
    assert len(times_ms(target)) == job.report.frames_out == 10
    assert job.report.partial and "at picture 10" in job.report.partial


def test_a_source_that_gives_nothing_is_an_error(target: Path) -> None:
    job, sink = conversion(Camera(count=0, breaks=True), target)
    with pytest.raises(SourceError, match="unplugged"), sink:
        job.run(threading.Event(), on_frame=lambda: None)


def test_stopping_ends_it_at_the_next_frame(target: Path) -> None:
    stop = threading.Event()
    job, sink = conversion(Camera(count=100_000), target)
    job.run(stop, on_frame=stop.set)
    sink.abort()
    assert job.report.frames_out <= 4
    assert not list(target.parent.iterdir())


class Refusing(FileSink):
    """A file on a disk that is full after three pictures."""

    def write(self, frame: StereoFrame) -> None:
        if self.frames == 3:
            raise EncodeError("the disk is full")
        super().write(frame)


def test_a_disk_that_refuses_ends_it_with_its_own_words(target: Path) -> None:
    source = Camera(count=100_000)
    session = Session((48, 64))
    sink = Refusing(target, video=VideoShape(128, 48, 100, session.layout, Fraction(1, 1000)))
    job = Conversion(source, session, sink)
    with pytest.raises(EncodeError, match="the disk is full"), sink:
        job.run(threading.Event(), on_frame=lambda: None)
    assert job.report.frames_out == 3
    assert not target.exists()


class Shrinking(Camera):
    """A camera whose second picture has another size, which sources must not let through."""

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            yield Frame(frame.rgb[:, : 48 - frame.index], frame.pts_ns, frame.index)


def test_what_goes_wrong_in_the_engine_ends_every_thread(target: Path) -> None:
    before = threading.active_count()
    job, sink = conversion(Shrinking(count=100), target)
    with pytest.raises(ValueError, match="this session is for frames of"), sink:
        job.run(threading.Event(), on_frame=lambda: None)
    assert threading.active_count() == before
