"""Written 3D files: every picture at its time, in its colours, and no half file under the name."""

from __future__ import annotations

import resource
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.runtime.sink.file import FileConfig, FileSink
from stereocast.runtime.sink.output import VideoShape, suggested_name

Make = Callable[..., StereoFrame]
NANO = 1_000_000_000


def shape(
    width: int = 64, height: int = 48, time_base: Fraction = Fraction(1, 30000)
) -> VideoShape:
    return VideoShape(width, height, fps=30, layout=Layout.FULL_SBS, time_base=time_base)


def at(frame: StereoFrame, pts_ns: int) -> StereoFrame:
    return StereoFrame(frame.surface, frame.layout, pts_ns, frame.index)


def read(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as clip:
        return list(clip.decode(clip.streams.video[0]))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_every_picture_comes_out_at_its_own_time(tmp_path: Path, moving: Make, suffix: str) -> None:
    """Variable rate, a late start, a time base with a numerator: exact, or to 1 ms in Matroska."""
    time_base = Fraction(1001, 24000)
    ticks = [5, 6, 7, 11, 12, 20, 21, 22, 40, 41, 42, 43]
    times_ns = [round(tick * time_base * NANO) for tick in ticks]
    path = tmp_path / f"clip{suffix}"
    with FileSink(path, video=shape(time_base=time_base)) as sink:
        for index, time_ns in enumerate(times_ns):
            sink.write(at(moving(48, 64, index), time_ns))
    assert sink.frames == len(ticks)
    frames = read(path)
    assert len(frames) == len(ticks)
    tolerance = Fraction(1, 2000) if suffix == ".mkv" else 0
    for tick, frame in zip(ticks, frames, strict=True):
        assert frame.pts is not None
        assert abs(frame.pts * frame.time_base - tick * time_base) <= tolerance


@pytest.mark.parametrize("time_base", [Fraction(1, 10), Fraction(1, 14112000), Fraction(1, NANO)])
def test_coarse_and_fine_clocks_are_kept(tmp_path: Path, moving: Make, time_base: Fraction) -> None:
    path = tmp_path / "clip.mp4"
    ticks = [round(i * Fraction(1, 10) / time_base) + 3 * (i % 2) for i in range(6)]
    if time_base == Fraction(1, 10):
        ticks = [0, 1, 2, 5, 6, 9]
    with FileSink(path, video=shape(time_base=time_base)) as sink:
        for index, tick in enumerate(ticks):
            sink.write(at(moving(48, 64, index), round(tick * time_base * NANO)))
    times = [frame.pts * frame.time_base for frame in read(path) if frame.pts is not None]
    assert times == [tick * time_base for tick in ticks]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_files_say_side_by_side_and_bt709(tmp_path: Path, moving: Make, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    with FileSink(path, video=shape()) as sink:
        for index in range(3):
            sink.write(moving(48, 64, index))
    assert sink.notes == ()
    if suffix == ".mkv":
        with av.open(str(path)) as clip:
            assert clip.streams.video[0].metadata["stereo_mode"] == "left_right"
    else:
        assert path.read_bytes().count(bytes.fromhex("0000000d 73743364 00000000 02")) == 1
    with av.open(str(path)) as clip:
        tags = {key.lower(): value for key, value in clip.metadata.items()}
        assert "full-sbs" in tags["comment"]
        context = clip.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
        assert context.color_range == 1
    assert "STEREO3D" in [data.type.name for data in read(path)[0].side_data]


@pytest.mark.parametrize(("height", "width"), [(48, 256), (46, 258)])
def test_colours_survive_within_three_levels(
    tmp_path: Path,
    bars: Make,
    bar_centres: Callable[..., tuple[list[int], np.ndarray]],
    height: int,
    width: int,
) -> None:
    path = tmp_path / "bars.mp4"
    with FileSink(path, video=shape(width, height), config=FileConfig(crf=18)) as sink:
        for index in range(5):
            sink.write(bars(height, width, index * NANO // 30, index))
    columns, expected = bar_centres(width)
    for frame in read(path):
        picture = frame.to_ndarray(format="rgb24", src_colorspace="ITU709")
        assert picture.shape == (height, width, 3)
        for row in (3, height // 2, height - 4):
            assert np.abs(picture[row, columns].astype(int) - expected).max() <= 3


def test_nothing_stands_under_the_name_before_it_is_complete(tmp_path: Path, moving: Make) -> None:
    path = tmp_path / "clip.mp4"
    sink = FileSink(path, video=shape())
    for index in range(10):
        sink.write(moving(48, 64, index))
        assert not path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == [".clip.partial.mp4"]
    sink.close()
    sink.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("frames", [0, 1, 20])
def test_interruption_leaves_nothing(tmp_path: Path, moving: Make, frames: int) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        FileSink(tmp_path / "clip.mkv", video=shape()) as sink,
    ):
        for index in range(frames):
            sink.write(moving(48, 64, index))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_file_of_no_pictures_is_an_error_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="no picture came, so no file was made"):
        FileSink(tmp_path / "clip.mkv", video=shape()).close()
    assert list(tmp_path.iterdir()) == []


def test_existing_file_is_kept_unless_told_otherwise(tmp_path: Path, moving: Make) -> None:
    path = tmp_path / "clip.mkv"
    path.write_bytes(b"precious")
    with pytest.raises(EncodeError, match="exists already"):
        FileSink(path, video=shape())
    assert path.read_bytes() == b"precious"
    with FileSink(path, video=shape(), overwrite=True) as sink:
        sink.write(moving(48, 64, 0))
        assert path.read_bytes() == b"precious"
    assert len(read(path)) == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("clip.webm", r"cannot write \.webm; choose one of \.mkv, \.mp4, \.mov"),
        ("clip", "cannot write a file without suffix"),
        ("nowhere/clip.mkv", "there is no folder"),
    ],
)
def test_impossible_names_are_refused_in_one_line(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(EncodeError, match=why) as refusal:
        FileSink(tmp_path / name, video=shape())
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_takes_no_files_is_refused_in_one_line() -> None:
    with pytest.raises(EncodeError, match=r"/proc/clip\.mkv: ") as refusal:
        FileSink(Path("/proc/clip.mkv"), video=shape())
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, moving: Make, suffix: str
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    sink = FileSink(tmp_path / f"clip{suffix}", video=shape(640, 240), config=FileConfig(crf=1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(EncodeError, match=r"cannot be (written|finished) \(") as refusal, sink:
            for index in range(60):
                sink.write(moving(240, 640, index))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_wrong_pictures_are_refused(tmp_path: Path, moving: Make) -> None:
    with FileSink(tmp_path / "clip.mkv", video=shape()) as sink:
        sink.write(at(moving(48, 64, 0), NANO))
        with pytest.raises(EncodeError, match="picture 1 is 96×48, not 64×48"):
            sink.write(moving(48, 96, 1))
        with pytest.raises(EncodeError, match="is not later than the one before it"):
            sink.write(at(moving(48, 64, 2), NANO))
    with pytest.raises(EncodeError, match="the file is closed"):
        sink.write(moving(48, 64, 3))


def test_impossible_settings_are_named() -> None:
    for wrong in ({"preset": "fastest"}, {"crf": 60.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            FileConfig(**wrong)  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match="even sizes"):
        shape(63, 48)


def test_suggested_names_are_those_that_headset_players_know() -> None:
    assert suggested_name(Path("a/clip.mp4"), Layout.FULL_SBS) == Path("a/clip_LRF_Full_SBS.mp4")
    assert suggested_name(Path("clip.webm"), Layout.HALF_SBS) == Path("clip_HSBS.mkv")
    assert suggested_name(Path("my.clip.MOV"), Layout.HALF_SBS) == Path("my.clip_HSBS.MOV")
