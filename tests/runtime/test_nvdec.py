"""The roads of files through the GPU's decoder: what they deliver is what the CPU delivers."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame
from stereocast.engine.static import Place
from stereocast.runtime.cli.sessions import decoded_on_gpu
from stereocast.runtime.config import load
from stereocast.runtime.source import chip, decode_probe
from stereocast.runtime.source.chip import FfmpegCodec, FfmpegRoad, NvdecRoad, open_on_chip
from stereocast.runtime.source.file import FileOptions, FileSource
from tests import clips, nvcodec

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
PLACE = Place(torch.device("cpu"))
WITH_B_FRAMES = clips.Clip(
    count=40, options=(("crf", "10"), ("preset", "fast"), ("x264-params", "bframes=3:keyint=9"))
)

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.write(tmp_path_factory.mktemp("film") / "film.mp4", WITH_B_FRAMES)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> nvcodec.Package:
    return nvcodec.installed(monkeypatch)


class _OnChip:
    """A stream whose pictures come as FFmpeg's NVIDIA decoder leaves them: in two planes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def decode(self, packet: Any) -> list[av.VideoFrame]:
        return [self._told(frame) for frame in self._stream.decode(packet)]

    def _told(self, frame: av.VideoFrame) -> av.VideoFrame:
        surface = frame.reformat(format="nv12")
        surface.pts = frame.pts
        return surface


class _CodecOnChip(FfmpegCodec):
    def __init__(self, stream: Any, look: chip.Look, place: Place) -> None:
        super().__init__(_OnChip(stream), look, place)  # type: ignore[arg-type]


@pytest.fixture(params=["nvdec", "nvdec-ffmpeg"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each road, as far as it goes without a chip."""
    nvcodec.installed(monkeypatch)
    monkeypatch.setattr(chip, "ffmpeg_device", lambda _: None)
    monkeypatch.setattr(chip, "_is_on_chip", lambda _: True)
    monkeypatch.setattr(chip, "FfmpegCodec", _CodecOnChip)
    return str(request.param)


def opened(path: Path, road: str, options: FileOptions | None = None) -> FileSource:
    return FileSource(path, options=options, road=chip.ROADS[road](PLACE))


def require_same(ours: list[Frame], theirs: list[Frame]) -> None:
    assert [frame.pts_ns for frame in ours] == [frame.pts_ns for frame in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.index == other.index
        assert mine.rgb.equal(other.rgb)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.h264"])
def test_every_picture_comes_in_its_order_with_its_time(
    tmp_path: Path, road: str, name: str
) -> None:
    path = clips.write(tmp_path / name, WITH_B_FRAMES)
    with closing(FileSource(path)) as source, closing(opened(path, road)) as ours:
        require_same(list(ours), list(source))
        assert ours.info.seekable_ns == source.info.seekable_ns
        assert ours.info.notes[-1].startswith("decoded on the GPU")


def test_seeks_are_exact_and_nothing_of_before_comes_after_them(film: Path, road: str) -> None:
    def played(source: FileSource) -> list[Frame]:
        reading = iter(source)
        frames = [next(reading) for _ in range(7)]
        for position_s in (1.0, 0.24, 0.0):
            reading = source.seek(position_s)
            frames += [next(reading) for _ in range(4)]
        return frames

    with closing(FileSource(film)) as source, closing(opened(film, road)) as ours:
        require_same(played(ours), played(source))
        assert ours.remarks == source.remarks == ()


def test_an_end_is_no_end_for_who_plays_it_again(film: Path, road: str) -> None:
    with closing(opened(film, road)) as ours:
        once = list(ours)
        again = list(ours.seek(0.0))
    assert [frame.pts_ns for frame in again] == [frame.pts_ns for frame in once]
    assert again[0].index == len(once) == WITH_B_FRAMES.count
    assert again[3].rgb.equal(once[3].rgb)


def test_the_options_of_a_file_hold_there_as_well(film: Path, road: str) -> None:
    options = FileOptions(start_s=0.4, frames=6, max_fps=12.5)
    with (
        closing(FileSource(film, options=options)) as source,
        closing(opened(film, road, options)) as ours,
    ):
        require_same(list(ours), list(source))


def test_a_chip_that_gives_up_leaves_the_rest_to_the_cpu_and_that_is_told(
    film: Path, package: nvcodec.Package
) -> None:
    package.dies_at = 21
    told: list[str] = []
    with (
        closing(FileSource(film)) as source,
        closing(FileSource(film, road=NvdecRoad(PLACE), tell=told.append)) as ours,
    ):
        require_same(list(ours), list(source))
    (words,) = told
    assert words.startswith("from 0.")
    assert "on the CPU decodes: NVDEC fails at time" in words
    assert words.endswith("cuvidDecodePicture returned 700")
    assert ours.remarks == (words,)


def test_a_chip_that_gives_up_in_a_seek_leaves_that_to_the_cpu(
    film: Path, package: nvcodec.Package
) -> None:
    with (
        closing(FileSource(film)) as source,
        closing(FileSource(film, road=NvdecRoad(PLACE))) as ours,
    ):
        next(iter(ours))
        package.refuses = "out of sessions"
        theirs = list(source.seek(0.8))
        mine = list(ours.seek(0.8))
    assert [frame.pts_ns for frame in mine] == [frame.pts_ns for frame in theirs]


def test_the_ladder_takes_the_first_road_that_decodes_and_says_why_not_others(
    film: Path, package: nvcodec.Package
) -> None:
    told: list[str] = []
    package.refuses = "no such unit"
    names = tuple(chip.ROADS)
    assert open_on_chip(names, film, FileOptions(), PLACE, tell=told.append) is None
    assert told[0] == "nvdec does not decode here: NVDEC refuses h264: no such unit"
    assert told[1].startswith("nvdec-ffmpeg does not decode here: FFmpeg")
    package.refuses = None
    source = open_on_chip(names, film, FileOptions(), PLACE, tell=told.append)
    assert source is not None
    source.close()
    assert len(told) == 2


@pytest.mark.parametrize(
    ("kind", "reason"), [("turned", "it is to be turned"), ("laced", "it"), ("tall", "resampled")]
)
def test_what_no_road_does_is_refused_with_the_reason(
    tmp_path: Path, film: Path, kind: str, reason: str
) -> None:
    options = FileOptions(max_height=32 if kind == "tall" else None)
    if kind == "turned":
        film = clips.rotated(tmp_path / "turned.mp4", 90)
    elif kind == "laced":
        film = clips.interlaced(tmp_path / "laced.mkv")
    for road in (NvdecRoad(PLACE), FfmpegRoad(PLACE)):
        with pytest.raises(SourceError, match=f"not decoded on the GPU: .*{reason}"):
            FileSource(film, options=options, road=road)


@without_gpu
def test_without_the_package_or_a_driver_the_remedy_is_named(film: Path) -> None:
    with pytest.raises(SourceError, match=r"stereocast\[nvcodec\]|finds no driver"):
        FileSource(film, road=NvdecRoad(PLACE))
    with pytest.raises(SourceError, match="FFmpeg opens no NVIDIA device"):
        FileSource(film, road=FfmpegRoad(PLACE))


@without_gpu
def test_the_cpu_decodes_where_the_gpu_does_not_and_that_is_said(
    film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, options = FileSource(film), FileOptions()
    with closing(source):
        assert decoded_on_gpu(source, load(), options) is source
        assert capsys.readouterr().err == ""
        for name in ("nvdec", "nvdec-ffmpeg", "auto"):
            wanted = load(None, [f"device.decode={name}"])
            assert decoded_on_gpu(source, wanted, options) is source
            assert capsys.readouterr().err.startswith("note: the CPU decodes: ")


def test_a_probe_decodes_a_picture_or_says_what_is_missing(package: nvcodec.Package) -> None:
    found = {result.name: result for result in decode_probe.describe()}
    assert list(found) == ["nvdec", "nvdec-ffmpeg", "cpu"]
    assert found["nvdec"].works
    assert found["cpu"].works
    if not torch.cuda.is_available():
        assert "NVIDIA_DRIVER_CAPABILITIES" in found["nvdec-ffmpeg"].detail
    package.dies_at = 0
    assert "cuvidDecodePicture returned 700" in decode_probe.describe()[0].detail


@pytest.mark.needs_cuda
@pytest.mark.parametrize("name", list(chip.ROADS))
def test_frames_of_the_chip_are_those_of_the_cpu(tmp_path: Path, name: str) -> None:
    from dataclasses import replace

    from stereocast.runtime.gpu import gpu_place

    film = clips.write(tmp_path / "a.mp4", replace(WITH_B_FRAMES, height=240, width=320))
    place = gpu_place(0, None)
    with (
        closing(FileSource(film)) as source,
        closing(FileSource(film, road=chip.ROADS[name](place))) as ours,
    ):
        pairs = list(zip(ours, source, strict=True))
        pairs += zip(ours.seek(0.8), source.seek(0.8), strict=True)
    for mine, theirs in pairs:
        assert mine.pts_ns == theirs.pts_ns
        assert mine.rgb.device == place.device
        assert abs(mine.rgb.to("cpu").int() - theirs.rgb.int()).max() <= 2
