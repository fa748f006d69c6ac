"""Recorded clips: what was written in a layout is read back, and broken files are refused."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from stereocast.bench.depth_quality.folder_clip import load
from stereocast.bench.depth_quality.folder_run import depths, score
from stereocast.bench.depth_quality.folders.layouts import LAYOUTS, guess, read_folder
from stereocast.bench.depth_quality.folders.pictures import read_rgb
from stereocast.engine.errors import ConfigError, StereocastError
from tests.bench.folder_writers import FRAMES, UNITS, WRITERS, Written


@pytest.fixture(scope="module")
def clip() -> Written:
    return Written()


@pytest.fixture(scope="module")
def folders(clip, tmp_path_factory) -> dict[str, Path]:
    return {name: write(clip, tmp_path_factory.mktemp(name)) for name, write in WRITERS.items()}


def test_every_layout_is_written_here() -> None:
    assert LAYOUTS.keys() == WRITERS.keys()


@pytest.mark.parametrize("name", WRITERS)
def test_a_clip_is_read_back_as_it_was_written(clip, folders, name) -> None:
    assert guess(folders[name]) == name
    frames = list(read_folder(folders[name], name))
    assert len(frames) == FRAMES
    for index, frame in enumerate(frames):
        assert torch.equal(frame.rgb, clip.rgb[index])
        wanted = clip.depth_m[index]
        assert torch.equal(frame.depth_m.isnan(), wanted.isnan())
        rounding = 0.51 / UNITS[name] if name in UNITS else 0
        assert (frame.depth_m - wanted).abs().nan_to_num(0).max() <= rounding
        assert frame.intrinsics[0, 0] == pytest.approx(clip.focal)
        assert frame.intrinsics[:2, 2].tolist() == pytest.approx([c + 0.5 for c in clip.centre])
        if name == "nyu":
            assert frame.pose is None
        else:
            assert torch.allclose(frame.pose, clip.poses[index], atol=1e-6)
    assert all(b.time_ns > a.time_ns for a, b in pairwise(frames))


@pytest.mark.parametrize("name", WRITERS)
def test_files_cut_off_or_changed_are_read_or_refused_in_one_line(folders, name, tmp_path) -> None:
    draws = random.Random(7)
    up = {"kitti": 1, "sintel": 2}.get(name, 0)
    whole = (folders[name], *folders[name].parents)[up]
    copy = tmp_path / whole.name
    shutil.copytree(whole, copy)
    folder = copy / folders[name].relative_to(whole)
    refused = 0
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        data = path.read_bytes()
        broken = bytearray(data)
        for _ in range(3):
            broken[draws.randrange(len(data))] = draws.randrange(256)
        for bad in (b"", data[: len(data) // 2], data[:-1], bytes(broken)):
            path.write_bytes(bad)
            try:
                list(read_folder(folder, name))
            except StereocastError as error:
                refused += 1
                assert "\n" not in str(error)
        path.write_bytes(data)
    assert refused > FRAMES
    assert len(list(read_folder(folder, name))) == FRAMES


def test_a_picture_that_is_cut_off_is_never_half_decoded(folders, tmp_path) -> None:
    data = next(folders["tum"].rglob("*.png")).read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "cut.png").write_bytes(data[:length])
        with pytest.raises(StereocastError, match="fetch it anew"):
            read_rgb(tmp_path / "cut.png")


def test_a_jpeg_is_read_and_refused_where_it_ends_too_early(clip, tmp_path) -> None:
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = clip.rgb.shape[2:]
    encoder.pix_fmt, encoder.time_base = "yuvj444p", Fraction(1)
    picture = VideoFrame.from_ndarray(clip.rgb[0].permute(1, 2, 0).numpy(), format="rgb24")
    coded = picture.reformat(format="yuvj444p")
    data = b"".join(bytes(packet) for packet in (*encoder.encode(coded), *encoder.encode(None)))
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    assert (read_rgb(path).float() - clip.rgb[0].float()).abs().mean() < 12
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(StereocastError, match="the JPEG ends too early"):
        read_rgb(path)


def test_a_camera_without_focal_length_is_refused(folders, tmp_path) -> None:
    root = shutil.copytree(folders["kitti"].parent, tmp_path / "raw")
    (root / "calib_cam_to_cam.txt").write_text("P_rect_02:" + 12 * " 0")
    with pytest.raises(StereocastError, match="expected fx fy cx cy in pixels, got 0 0 0 0"):
        list(read_folder(root / folders["kitti"].name, "kitti"))


def test_a_list_may_not_name_files_outside_its_folder(folders, tmp_path) -> None:
    folder = shutil.copytree(folders["manifest"], tmp_path / "clip")
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"0.png"', '"../0.png"'))
    with pytest.raises(StereocastError, match="expected files of its folder"):
        list(read_folder(folder, "manifest"))


def test_what_no_layout_fits_is_said_with_what_was_looked_for(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"not known; give --layout, or have manifest"):
        guess(tmp_path)
    with pytest.raises(ConfigError, match="there is no such folder"):
        guess(tmp_path / "none")


@pytest.mark.parametrize("name", ["tum", "kitti"])
def test_exact_depth_scores_best_and_a_shaking_one_is_unsteady(clip, folders, name) -> None:
    read = load(folders[name], name, FRAMES, lambda: None)
    assert read.posed == FRAMES
    inverse = torch.stack([1 / frame.depth_m for frame in read.frames]).nan_to_num(0)
    shaking = inverse * (1 + 0.2 * (torch.arange(FRAMES) % 2))[:, None, None]
    exact, shaken = score(read, 3 * inverse + 1), score(read, shaking)
    flat = score(read, depths(read, "constant", lambda *_: pytest.fail("no model is asked for")))
    assert exact["AbsRel"] < 1e-4 and exact["d1.25"] == 1 and exact["TAE"] < 1
    assert shaken["TAE"] > 5 and shaken["AbsRel"] < 1e-3
    assert flat["AbsRel"] > 0.05


def test_cameras_on_the_grid_have_square_pixels(clip, folders) -> None:
    read = load(folders["tum"], "tum", 2, lambda: None)
    frames = []
    for frame in read.frames:
        inner = frame.intrinsics.clone()
        inner[1] *= 2
        tall = frame.depth_m.repeat_interleave(2, 0)
        rgb = frame.rgb.repeat_interleave(2, 1)
        frames.append(replace(frame, intrinsics=inner, depth_m=tall, rgb=rgb))
    stretched = replace(read, frames=tuple(frames))
    grid = stretched.on_grid(frame.depth_m for frame in frames)
    rows = read.size[0]
    assert torch.equal(grid[:, :rows].nan_to_num(0), torch.stack(
        [frame.depth_m for frame in read.frames]).nan_to_num(0))  # fmt: skip
    assert grid[:, rows:].isnan().all()
    assert torch.allclose(stretched.camera(1).principal_px, read.camera(1).principal_px)
