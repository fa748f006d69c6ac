"""runtime/source/file on clips made here: which pictures are delivered, when, and how large."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError, SourceError
from stereocast.kernels import preprocess
from stereocast.runtime.source.file import FileOptions, FileSource
from tests import clips
from tests.clips import LOSSLESS, Clip
from tests.reading import frames_of, opened, rgb_of


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_variable_rate_keeps_every_time(tmp_path: Path, name: str) -> None:
    frames = frames_of(clips.variable_rate(tmp_path / name))
    assert [frame.pts_ns for frame in frames] == [ms * 1_000_000 for ms in clips.VFR_MS]
    assert [frame.index for frame in frames] == list(range(12))


def test_reordered_packets_come_in_display_order(tmp_path: Path) -> None:
    frames = frames_of(clips.unordered(tmp_path / "a.mp4"))
    assert [frame.pts_ns for frame in frames] == [40_000_000 * i for i in range(40)]


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (270, 3), (-90, 3)])
def test_rotation_metadata_makes_pictures_upright(tmp_path: Path, degrees: int, turns: int) -> None:
    plain = rgb_of(clips.write(tmp_path / "plain.mp4", Clip()))
    with opened(clips.rotated(tmp_path / "turned.mp4", degrees)) as source:
        turned = torch.stack([frame.rgb for frame in source])
        assert (source.info.height, source.info.width) == turned.shape[2:]
        assert any("turned" in note for note in source.info.notes)
    assert torch.equal(turned, torch.rot90(plain, turns, (2, 3)))


@pytest.mark.parametrize(
    ("aspect", "rotation", "upright"),
    [
        (Fraction(4, 3), 0, (48, 86)),
        (Fraction(1, 2), 0, (48, 32)),
        (Fraction(4, 3), 90, (86, 48)),
    ],
)
def test_pixels_become_square(
    tmp_path: Path, aspect: Fraction, rotation: int, upright: tuple[int, int]
) -> None:
    clip = Clip(pixel_aspect=aspect, rotation=rotation)
    with opened(clips.write(tmp_path / "a.mp4", clip)) as source:
        assert (source.info.height, source.info.width) == upright
        assert all(frame.rgb.shape[1:] == upright for frame in source)


@pytest.mark.parametrize(("rotation", "upright"), [(0, (24, 32)), (90, (24, 18))])
def test_max_height_means_rows_of_the_upright_picture(
    tmp_path: Path, rotation: int, upright: tuple[int, int]
) -> None:
    with opened(clips.write(tmp_path / "a.mp4", Clip(rotation=rotation)), max_height=25) as source:
        assert (source.info.height, source.info.width) == upright
        assert next(iter(source)).rgb.shape[1:] == upright


def test_scaling_down_averages_areas(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", replace(LOSSLESS, count=1, pix_fmt="yuv444p"))
    full, half = rgb_of(path), rgb_of(path, max_height=24)
    expected = 255 * preprocess.to_network(full[0], size=(24, 32))
    assert (half[0] - expected).abs().max() <= 3


def test_a_change_of_size_is_resampled_and_counted(tmp_path: Path) -> None:
    with opened(clips.size_change(tmp_path / "a.h264")) as source:
        frames = list(source)
        assert len(frames) == 12
        assert all(frame.rgb.shape == (3, 48, 64) for frame in frames)
        assert source.report["size_changes"] == 6
        assert any("another size" in remark for remark in source.remarks)
    box = frames[0].rgb[0] > 200, frames[6].rgb[0] > 200  # the same picture in both sizes
    assert (box[0] ^ box[1]).float().mean() < 0.03


def test_missing_times_are_repaired_and_counted(tmp_path: Path) -> None:
    with opened(clips.size_change(tmp_path / "a.h264")) as source:
        assert [frame.pts_ns for frame in source] == [40_000_000 * i for i in range(12)]
        assert source.report["repaired_pts"] == 12


def combing(rgb: Tensor) -> float:
    """How much rows differ from both neighbours in the same direction, on average."""
    grey = rgb.float().mean(1)
    above, below = grey[:, 1:-1] - grey[:, :-2], grey[:, 1:-1] - grey[:, 2:]
    return float(((above * below) > 400).float().mean())


@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
def test_interlaced_pictures_lose_their_combs_and_none_is_lost(tmp_path: Path, name: str) -> None:
    path = clips.interlaced(tmp_path / name)
    with av.open(path) as container:
        woven = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    raw = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image in woven])
    with opened(path) as source:
        rgb = torch.stack([frame.rgb for frame in source])
        assert source.report["deinterlaced"] == 12
        assert any("bwdif" in note for note in source.info.notes)
    assert rgb.shape == raw.shape
    assert combing(raw) > 0.005
    assert combing(rgb) < combing(raw) / 5


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.h264"])
@pytest.mark.parametrize("first", [1, 8, 13, 39])
def test_start_is_exact_to_the_picture(tmp_path: Path, name: str, first: int) -> None:
    path = clips.unordered(tmp_path / name)
    everything = rgb_of(path)
    started = frames_of(path, start_s=first / 25)
    assert len(started) == 40 - first
    assert torch.equal(torch.stack([frame.rgb for frame in started]), everything[first:])


def test_start_after_the_end_is_one_clear_error(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", Clip())
    with pytest.raises(SourceError, match=r"start 5 s is after its end"):
        FileSource(path, options=FileOptions(start_s=5))


def test_frames_ends_the_source_early(tmp_path: Path) -> None:
    with opened(clips.write(tmp_path / "a.mp4", Clip()), frames=5) as source:
        assert source.info.frames == 5
        assert len(list(source)) == 5


def test_max_fps_drops_by_time_and_leaves_gaps_in_the_numbers(tmp_path: Path) -> None:
    with opened(clips.write(tmp_path / "a.mp4", Clip()), max_fps=12.5) as source:
        assert source.info.fps == 12.5
        assert source.info.frames is None
        assert [frame.index for frame in source] == [0, 2, 4, 6, 8, 10]
        assert source.report["dropped_by_max_fps"] == 6


def test_opening_describes_without_decoding_the_file(tmp_path: Path) -> None:
    with opened(clips.with_audio(tmp_path / "a.mp4", count=100)) as source:
        info = source.info
        assert source.report["decoded"] <= 4
        assert (info.width, info.height, info.fps, info.frames) == (64, 48, 25.0, 100)
        assert info.duration_ns == 4_000_000_000
        assert not info.live
        assert source.audio_codec == "aac"


def test_frames_and_audio_are_unknown_where_the_container_does_not_say(tmp_path: Path) -> None:
    with opened(clips.size_change(tmp_path / "a.h264")) as source:
        assert source.info.frames is None
        assert source.info.duration_ns is None
        assert source.audio_codec is None


def test_the_choice_among_video_streams_is_said(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(path, "w") as container:
        for size in ((32, 32), (64, 48)):
            stream = container.add_stream("ffv1", rate=25)
            stream.codec_context.width, stream.codec_context.height = size
            stream.codec_context.pix_fmt = "yuv420p"
        for stream in container.streams.video:
            context = stream.codec_context
            clip = replace(LOSSLESS, height=context.height, width=context.width, count=2)
            for index, frame in enumerate(clips.rgb_frames(clip)):
                frame.pts = index
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    with opened(path) as source:
        frame = next(iter(source))
        assert frame.rgb.shape[1:] == (source.info.height, source.info.width)
        assert "of 2 video streams (#0 32x32, #1 64x48)" in source.info.notes[0]


def test_a_source_is_read_once(tmp_path: Path) -> None:
    with opened(clips.write(tmp_path / "a.mp4", Clip())) as source:
        list(source)
        with pytest.raises(SourceError, match="only once"):
            iter(source)


@pytest.mark.parametrize(
    "options",
    [
        {"start_s": -1},
        {"start_s": float("nan")},
        {"max_fps": 0},
        {"frames": 0},
        {"max_height": 8},
        {"threads": 0},
    ],
)
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        FileOptions(**options)  # type: ignore[arg-type]
