"""Seeking in a file that is being read: exact, again and again, also from its end."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from stereocast.engine.errors import SourceError
from stereocast.runtime.source import SeekableSource
from stereocast.runtime.source.file import FileOptions, FileSource
from stereocast.runtime.source.synthetic import SyntheticSource
from tests import clips
from tests.clips import LOSSLESS, Clip

MS = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return clips.write(tmp_path / "a.mkv", replace(LOSSLESS, count=20))


def test_seeking_gives_the_picture_that_stands_there(path: Path) -> None:
    with closing(FileSource(path)) as source:
        straight = list(source)
    with closing(FileSource(path)) as source:
        reading = iter(source)
        next(reading), next(reading)
        frames = list(source.seek(0.48))
    assert [frame.pts_ns // MS for frame in frames] == list(range(480, 800, 40))
    for frame, expected in zip(frames, straight[12:], strict=True):
        assert frame.rgb.equal(expected.rgb)


def test_numbers_grow_across_seeks(path: Path) -> None:
    with closing(FileSource(path)) as source:
        reading = iter(source)
        indices = [next(reading).index for _ in range(3)]
        for position_s in (0.6, 0.0, 0.2):
            reading = source.seek(position_s)
            indices += [next(reading).index for _ in range(2)]
    assert indices == list(range(9))


def test_an_end_is_no_end_for_who_seeks(path: Path) -> None:
    with closing(FileSource(path)) as source:
        assert len(list(source)) == 20
        assert len(list(source.seek(0.4))) == 10
        assert len(list(source.seek(0.0))) == 20
        assert source.report["decoded"] >= 50


@pytest.mark.parametrize(("position_s", "first_ms"), [(-5.0, 0), (0.8, 760), (1e8, 760)])
def test_positions_are_brought_into_the_file(path: Path, position_s: float, first_ms: int) -> None:
    with closing(FileSource(path)) as source:
        assert next(source.seek(position_s)).pts_ns == first_ms * MS


def test_positions_count_from_the_first_picture_and_not_from_the_start_option(path: Path) -> None:
    with closing(FileSource(path, options=FileOptions(start_s=0.4))) as source:
        assert source.info.seekable_ns == 800 * MS
        assert next(source.seek(0.2)).pts_ns == 200 * MS


def test_positions_count_from_the_first_picture_where_times_begin_late(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", Clip(count=20, pts_ms=tuple(range(5000, 5800, 40))))
    with closing(FileSource(path)) as source:
        first_ns = next(iter(source)).pts_ns
        assert (source.info.origin_ns, first_ns > 0) == (first_ns, True)
        assert next(source.seek(0.4)).pts_ns == first_ns + 400 * MS


def test_a_limit_on_frames_counts_all_of_them(path: Path) -> None:
    with closing(FileSource(path, options=FileOptions(frames=5))) as source:
        reading = iter(source)
        next(reading), next(reading)
        assert len(list(source.seek(0.4))) == 3
        assert list(source.seek(0.0)) == []


def test_reordered_pictures_are_found_too(tmp_path: Path) -> None:
    with closing(FileSource(clips.unordered(tmp_path / "a.mp4"))) as source:
        assert [next(source.seek(n * 0.2)).pts_ns // MS for n in (5, 1, 7, 0)] == [
            1000, 200, 1400, 0,
        ]  # fmt: skip


def test_interlaced_pictures_of_before_do_not_come_after(tmp_path: Path) -> None:
    with closing(FileSource(clips.interlaced(tmp_path / "a.mkv"))) as source:
        reading = iter(source)
        next(reading), next(reading)
        times = [frame.pts_ns // MS for frame in source.seek(0.2)]
    assert times == list(range(200, 480, 40))


def test_a_file_without_times_says_that_it_cannot(tmp_path: Path) -> None:
    with closing(FileSource(clips.size_change(tmp_path / "a.h264"))) as source:
        assert source.info.seekable_ns is None
        with pytest.raises(SourceError, match="nobody can seek"):
            source.seek(0.1)


def test_the_built_in_scene_cannot_seek() -> None:
    source = SyntheticSource("testsrc:?size=64x48")
    assert not isinstance(source, SeekableSource)
