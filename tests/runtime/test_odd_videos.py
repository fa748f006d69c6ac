"""Real and odd files from outside: what each one must give. Skips without the folder of data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.file import FileOptions, FileSource

pytestmark = pytest.mark.timeout(60)


@dataclass(frozen=True)
class Expected:
    """What a file gives: so many frames of one size, then nothing or an error; words said aloud."""

    name: str
    frames: int = 0
    size: tuple[int, int] = (0, 0)
    error: str = ""
    says: str = ""


ODD = [
    Expected("decord_video_0.mov", 3, (320, 568)),
    Expected("decord_video_90.mov", 3, (568, 320), says="turned by -90 degrees"),
    Expected("decord_video_180.mov", 3, (320, 568), says="turned by -180 degrees"),
    Expected("decord_video_270.mov", 3, (568, 320), says="turned by 90 degrees"),
    Expected("decord_corrupted.mp4", 28, (720, 1280), error="at picture 28"),
    Expected("decord_unordered.mov", 4, (50, 50)),
    Expected("mpy_bitmap.mp4", error="picture too small (1x1)"),
    Expected("mpy_no_duration.webm", 74, (720, 1280), says="alpha"),
    Expected("mpy_smpte-2997.mp4", 251, (1080, 1920)),
    Expected("mpy_transparent.webm", 150, (200, 200), says="alpha channel ignored"),
    Expected("mpy_video_with_failing_audio.mp4", 280, (360, 640)),
    Expected("tc_av1_video.mkv", 125, (360, 640)),
    Expected("tc_h265_video.mp4", 10, (128, 128)),
    Expected("tc_h265_10bits.mp4", 30, (200, 200)),
    Expected("tc_h264_10bits.mp4", 30, (200, 200)),
    Expected("tc_bt2020_10bit.mp4", 60, (240, 320), says="HDR (PQ, BT.2020) tone-mapped"),
    Expected("tc_bt601_full_range.mp4", 60, (240, 320)),
    Expected("tc_bt601_limited_range.mp4", 60, (240, 320)),
    Expected("tc_bt709_full_range.mp4", 30, (720, 1280)),
    Expected("tc_discard_first_keyframe.mp4", 25, (64, 64)),
    Expected("tc_nasa_13013.mp4.audio.mp3", error="no video stream"),
    Expected("tc_sine_mono_s16.wav", error="no video stream"),
    Expected("gen_vfr.mp4", 48, (180, 320)),
    Expected("gen_interlaced_mpeg2.ts", 24, (176, 320), says="deinterlaced (bwdif)"),
    Expected("gen_truncated.ts", 18, (2048, 2048), says="gaps in the presentation times: 1"),
    Expected("gen_truncated_half.mp4", error="index (moov) missing or damaged"),
    Expected("gen_zero_bytes.mp4", error="empty file"),
    Expected("gen_not_a_video.mp4", error="not a video"),
]


@pytest.fixture(autouse=True)
def _one_torch_thread() -> Iterator[None]:
    # As in the live process: two OpenMP threads on a loaded machine wait for each other.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pixel(rgb: Tensor, row: float, column: float) -> list[int]:
    height, width = rgb.shape[1:]
    return [int(level) for level in rgb[:, int(row * height), int(column * width)]]


@pytest.mark.parametrize("expected", ODD, ids=[row.name for row in ODD])
def test_every_odd_file_gives_what_it_must(data: Path, expected: Expected) -> None:
    times, error, said = [], "", ""
    try:
        with closing(FileSource(data / "odd_videos" / expected.name)) as source:
            try:
                for frame in source:
                    times.append(frame.pts_ns)
                    assert frame.rgb.shape == (3, *expected.size)
            finally:
                said = "; ".join(source.info.notes + source.remarks)
            assert source.info.frames in (None, expected.frames)
    except SourceError as refusal:
        error = str(refusal)
    assert len(times) == expected.frames
    assert times == sorted(set(times))
    assert expected.error in error and bool(expected.error) == bool(error)
    assert "\n" not in error
    assert expected.says in said


def test_the_table_covers_every_file(data: Path) -> None:
    found = {path.name for path in (data / "odd_videos").iterdir()}
    assert found == {row.name for row in ODD}


def test_edit_list_begins_at_zero(data: Path) -> None:
    with closing(FileSource(data / "odd_videos" / "tc_discard_first_keyframe.mp4")) as source:
        assert next(iter(source)).pts_ns == 0
        assert source.info.frames == 25


def test_variable_rate_times_are_the_files_own(data: Path) -> None:
    with closing(FileSource(data / "odd_videos" / "gen_vfr.mp4")) as source:
        steps = {round(b / 1e6) for b in torch.tensor([f.pts_ns for f in source]).diff().tolist()}
    assert steps <= {16, 17, 33, 50, 100, 400}
    assert len(steps) >= 5


@pytest.mark.parametrize(
    ("name", "red"),
    [
        # The samples of both BT.601 files are the same; what differs is the range in their tags.
        ("tc_bt601_limited_range.mp4", [255, 0, 0]),
        ("tc_bt601_full_range.mp4", [238, 14, 14]),
        ("tc_bt709_full_range.mp4", [255, 36, 10]),
        ("tc_h265_10bits.mp4", [255, 0, 0]),
        ("tc_h264_10bits.mp4", [255, 0, 0]),
    ],
)
def test_colours_follow_the_tags(data: Path, name: str, red: list[int]) -> None:
    with closing(FileSource(data / "odd_videos" / name)) as source:
        actual = pixel(next(iter(source)).rgb, 0.9, 0.06)
    assert max(abs(a - b) for a, b in zip(actual, red, strict=True)) <= 3


def test_big_buck_bunny_gives_every_frame_and_names_its_audio(data: Path) -> None:
    path = data / "videos" / "mpy_big_buck_bunny_0_30.webm"
    with closing(FileSource(path, options=FileOptions(max_height=180))) as source:
        count = sum(1 for _ in source)
        assert source.audio_codec == "vorbis"
        assert (source.info.width, source.info.height, source.info.fps) == (320, 180, 24.0)
    assert count == 720


def test_the_choice_among_the_streams_of_the_nasa_clip_is_said(data: Path) -> None:
    with closing(FileSource(data / "videos" / "tc_nasa_13013.mp4")) as source:
        assert (source.info.width, source.info.height, source.info.frames) == (480, 270, 390)
        assert "#3 is used" in source.info.notes[0]


@pytest.mark.parametrize("start_s", [3.3, 12.0, 29.9])
def test_start_in_a_real_clip_is_exact(data: Path, start_s: float) -> None:
    path = data / "videos" / "mpy_big_buck_bunny_0_30.webm"
    reference = None
    with closing(FileSource(path, options=FileOptions(max_height=180))) as source:
        for frame in source:
            if frame.pts_ns >= (start_s + 0.003) * 1e9 - 1e6:
                reference = frame
                break
    with closing(FileSource(path, options=FileOptions(start_s=start_s, max_height=180))) as source:
        started = next(iter(source))
    assert reference is not None
    assert started.pts_ns == reference.pts_ns
    assert torch.equal(started.rgb, reference.rgb)
