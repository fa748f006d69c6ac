"""runtime/source/file: every layout, range and matrix of samples becomes the right RGB."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import pytest
import torch

from stereocast.kernels import preprocess
from stereocast.runtime.source.picture import colour_of
from tests import clips
from tests.clips import LOSSLESS, Clip
from tests.reading import frames_of, opened, rgb_of


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gray"])
def test_samples_reach_the_conversion_unchanged(tmp_path: Path, pix_fmt: str) -> None:
    clip = replace(LOSSLESS, height=47, width=63, count=3, pix_fmt=pix_fmt, matrix=1, color_range=1)
    coded = list(clips.rgb_frames(clip))
    frames = frames_of(clips.write(tmp_path / "a.mkv", clip, frames=coded))
    assert len(frames) == 3
    for frame, original in zip(frames, coded, strict=True):
        planes = [torch.utils.dlpack.from_dlpack(plane) for plane in original.planes]
        if pix_fmt == "gray":
            planes += 2 * [torch.full_like(planes[0], 128)]
        expected = preprocess.yuv_to_rgb(
            *planes, matrix="bt709", full_range=False, bits=10 if "10" in pix_fmt else 8
        )
        assert torch.equal(frame.rgb, expected)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "name"),
    [("ffv1", "bgr0", "a.mkv"), ("png", "rgb24", "a.mov"), ("rawvideo", "gbrp", "a.nut")],
)
def test_rgb_files_come_back_exactly(tmp_path: Path, codec: str, pix_fmt: str, name: str) -> None:
    clip = replace(LOSSLESS, height=31, width=45, count=2, codec=codec, pix_fmt=pix_fmt, matrix=0)
    rgb = rgb_of(clips.write(tmp_path / name, clip))
    expected = torch.from_numpy(clips.picture(1, 31, 45)).permute(2, 0, 1)
    assert torch.equal(rgb[1], expected)


@pytest.mark.parametrize("pix_fmt", ["nv12", "yuyv422", "yuv411p"])
def test_layouts_the_kernels_cannot_read_are_unpacked(tmp_path: Path, pix_fmt: str) -> None:
    clip = Clip(height=32, width=48, count=1, codec="rawvideo", options=(), pix_fmt=pix_fmt)
    rgb = rgb_of(clips.write(tmp_path / "a.nut", clip))
    expected = torch.from_numpy(clips.picture(0, 32, 48)).permute(2, 0, 1)
    assert (rgb[0].int() - expected).abs().float().mean() < 4


# RGB (60, 200, 30) in codes, from the definitions of BT.601, BT.709 and BT.2020.
TEST_COLOUR = torch.tensor([60, 200, 30])
CODED = [
    ("yuv420p", 6, 1, (135, 74, 79)),
    ("yuv420p", 6, 2, (139, 67, 72)),
    ("yuv420p", 1, 1, (152, 67, 73)),
    ("yuv420p", 1, 2, (158, 59, 66)),
    ("yuv420p", 9, 1, (148, 71, 73)),
    ("yuv420p10le", 1, 1, (607, 270, 293)),
    ("yuv444p10le", 6, 2, (557, 266, 287)),
]


@pytest.mark.parametrize(("pix_fmt", "matrix", "color_range", "yuv"), CODED)
def test_tagged_colours_are_decoded_by_their_tags(
    tmp_path: Path, pix_fmt: str, matrix: int, color_range: int, yuv: tuple[int, int, int]
) -> None:
    clip = Clip(pix_fmt=pix_fmt, matrix=matrix, color_range=color_range)
    rgb = rgb_of(clips.solid(tmp_path / "a.mkv", clip, yuv))
    assert (rgb[0, :, 5, 5].int() - TEST_COLOUR).abs().max() <= 2


@pytest.mark.parametrize(("height", "yuv"), [(718, (135, 74, 79)), (720, (152, 67, 73))])
def test_untagged_pictures_are_bt709_from_720_rows_on(
    tmp_path: Path, height: int, yuv: tuple[int, int, int]
) -> None:
    rgb = rgb_of(clips.solid(tmp_path / "a.mkv", Clip(height=height, width=16), yuv))
    assert (rgb[0, :, 5, 5].int() - TEST_COLOUR).abs().max() <= 2


def test_scaling_down_does_not_change_the_untagged_matrix(tmp_path: Path) -> None:
    path = clips.solid(tmp_path / "a.mkv", Clip(height=720, width=128), (152, 67, 73))
    rgb = rgb_of(path, max_height=90)
    assert rgb.shape == (2, 3, 90, 16)
    assert (rgb[0, :, 5, 5].int() - TEST_COLOUR).abs().max() <= 2


def test_hdr_is_tone_mapped_and_said(tmp_path: Path) -> None:
    clip = Clip(pix_fmt="yuv420p10le", matrix=9, primaries=9, transfer=16, color_range=1)
    # Code 573 is PQ 0.5806: 203 nits, reference white.
    with opened(clips.solid(tmp_path / "a.mkv", clip, (573, 512, 512))) as source:
        assert any("tone-mapped" in note for note in source.info.notes)
        assert 224 <= next(iter(source)).rgb[0, 5, 5] <= 230


def test_alpha_is_ignored_and_said(tmp_path: Path) -> None:
    clip = replace(LOSSLESS, count=2, pix_fmt="yuva420p")
    with opened(clips.write(tmp_path / "a.mkv", clip)) as source:
        assert "alpha channel ignored" in source.info.notes
        assert len(list(source)) == 2


@pytest.mark.parametrize(
    ("codec", "rows", "matrix"),
    [
        ("vp8", 720, "bt601"),
        ("mjpeg", 1080, "bt601"),
        ("h264", 720, "bt709"),
        ("vp9", 1080, "bt709"),
        ("h264", 576, "bt601"),
    ],
)
def test_an_untagged_matrix_is_the_codecs_own_or_goes_by_size(
    codec: str, rows: int, matrix: str
) -> None:
    assert colour_of(av.VideoFrame(64, rows, "yuv420p"), codec).matrix == matrix


def test_an_untagged_vp8_file_is_read_as_bt601(tmp_path: Path) -> None:
    clip = Clip(height=720, width=64, count=1, codec="libvpx", options=())
    path = clips.write(tmp_path / "a.mkv", clip)
    with av.open(str(path)) as container:
        planes = next(container.decode(video=0)).planes
        luma, blue, red = (torch.utils.dlpack.from_dlpack(plane).clone() for plane in planes)
    expected = preprocess.yuv_to_rgb(luma, blue, red, matrix="bt601", full_range=False)
    assert torch.equal(rgb_of(path)[0], expected)
