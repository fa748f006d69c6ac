"""A rendered clip written in every layout that folders are read in."""

from __future__ import annotations

import json
import struct
from fractions import Fraction
from pathlib import Path

import torch
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from stereocast.bench.depth_quality.folders import bonn, kitti, manifest, sintel
from stereocast.training.scenes import WorldClip
from stereocast.training.scenes.png import save_png

SEED, FRAMES, SIZE = 950_001, 7, (32, 48)
EYE = torch.eye(4, dtype=torch.float64)
EYE[0, 3] = -0.06
"""Where KITTI's colour camera stands in its camera 0."""


class Written:
    """Pictures u8 [T, 3, H, W], depth float32 [T, H, W] as nearest whole millimetres, and poses."""

    def __init__(self) -> None:
        world = WorldClip(SEED, *SIZE, kind="room", camera="dolly")
        frames = [world.frame(index) for index in range(FRAMES)]
        self.rgb = torch.stack([frame.rgb for frame in frames])
        depth = torch.stack([frame.depth_m for frame in frames])
        self.depth_m = torch.where(depth < 12, depth, torch.nan)  # 65535 / 5000
        self.poses = torch.eye(4, dtype=torch.float64).repeat(FRAMES, 1, 1)
        for pose, frame in zip(self.poses, frames, strict=True):
            left, _, right = torch.linalg.svd(frame.camera.orientation.double())
            pose[:3, :3], pose[:3, 3] = (left @ right).T, frame.camera.position.double()
        camera = frames[0].camera
        self.focal = float(camera.focal_px)
        self.centre = [float(value) - 0.5 for value in camera.principal_px]

    @property
    def numbers(self) -> list[float]:
        """fx fy cx cy as the data sets count them."""
        return [self.focal, self.focal, *self.centre]

    def picture(self, path: Path, index: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(self.rgb[index], path)

    def depth(self, path: Path, index: int, scale: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = (self.depth_m[index].nan_to_num(0) * scale).round().numpy().astype("uint16")
        frame = VideoFrame.from_ndarray(grey, format="gray16be")
        encoder = VideoCodecContext.create("png", "w")
        encoder.height, encoder.width = grey.shape
        encoder.pix_fmt, encoder.time_base = "gray16be", Fraction(1)
        frame.time_base = Fraction(1)
        path.write_bytes(
            b"".join(bytes(p) for p in (*encoder.encode(frame), *encoder.encode(None)))
        )


def words(values) -> str:
    return " ".join(f"{float(value):.12g}" for value in values)


def write_lists(clip: Written, folder: Path, poses) -> Path:
    """Lists as TUM has them: depth 5 ms late, a pose 3 ms early, and one pose too many."""
    names, depths, truth = ["# time file"], [], ["0 0 0 0 0 0 0 1"]
    for index in range(FRAMES):
        time = 1000 + index / 30
        clip.picture(folder / "rgb" / f"{time:.6f}.png", index)
        clip.depth(folder / "depth" / f"{time + 0.005:.6f}.png", index, 5000)
        names.append(f"{time:.6f} rgb/{time:.6f}.png")
        depths.append(f"{time + 0.005:.6f} depth/{time + 0.005:.6f}.png")
        place = words((*poses[index][:3, 3], *quaternion(poses[index][:3, :3])))
        truth.append(f"{time - 0.003:.6f} {place}")
    for name, lines in (("rgb", names), ("depth", depths), ("groundtruth", truth)):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    (folder / "calibration.txt").write_text(words(clip.numbers))
    return folder


def quaternion(turn) -> tuple[float, ...]:
    """x y z w by the largest eigenvector: every sign is right, whatever the angle."""
    m = turn
    k = torch.tensor([
        [m[0, 0] - m[1, 1] - m[2, 2], 0, 0, 0],
        [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], 0, 0],
        [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], 0],
        [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
    ], dtype=torch.float64)  # fmt: skip
    return tuple(torch.linalg.eigh(k)[1][:, -1].tolist())


def write_tum(clip: Written, root: Path) -> Path:
    return write_lists(clip, root / "desk", clip.poses)


def write_bonn(clip: Written, root: Path) -> Path:
    axes = torch.linalg.inv(bonn.AXES)
    markers = axes @ clip.poses @ torch.linalg.inv(bonn.camera_in_markers()) @ axes
    return write_lists(clip, root / "rgbd_bonn_crowd", markers)


def write_scannet(clip: Written, root: Path) -> Path:
    fx, fy, cx, cy = clip.numbers
    (root / "intrinsic").mkdir()
    (root / "pose").mkdir()
    inner = f"{fx} 0 {cx} 0\n0 {fy} {cy} 0\n0 0 1 0\n0 0 0 1\n"
    (root / "intrinsic" / "intrinsic_depth.txt").write_text(inner)
    for index in range(FRAMES):
        clip.picture(root / "color" / f"{index}.png", index)
        clip.depth(root / "depth" / f"{index}.png", index, 1000)
        (root / "pose" / f"{index}.txt").write_text("\n".join(map(words, clip.poses[index])))
    return root


def write_kitti(clip: Written, root: Path) -> Path:
    fx, fy, cx, cy = clip.numbers
    projection = (fx, 0, cx, 0.06 * fx, 0, fy, cy, 0, 0, 0, 1, 0)
    (root / "calib_cam_to_cam.txt").write_text(f"calib_time: x\nP_rect_02: {words(projection)}\n")
    drive = root / "drive_sync"
    for index in range(FRAMES):
        clip.picture(drive / "image_02" / "data" / f"{index:010d}.png", index)
        clip.depth(drive / kitti.TRUTH / f"{index:010d}.png", index, 256)
    grey = clip.poses @ torch.linalg.inv(EYE)
    (drive / "poses.txt").write_text("\n".join(words(pose[:3].flatten()) for pose in grey))
    return drive


def write_sintel(clip: Written, root: Path) -> Path:
    fx, fy, cx, cy = clip.numbers
    for kind in ("depth", "camdata_left"):
        (root / kind / "alley_1").mkdir(parents=True)
    for index in range(FRAMES):
        name = f"frame_{index + 1:04d}"
        clip.picture(root / "final" / "alley_1" / f"{name}.png", index)
        depth = clip.depth_m[index].nan_to_num(1e9).numpy().tobytes()
        head = sintel.TAG + struct.pack("<ii", SIZE[1], SIZE[0])
        (root / "depth" / "alley_1" / f"{name}.dpt").write_bytes(head + depth)
        outer = torch.linalg.inv(clip.poses[index])[:3].flatten().tolist()
        camera = struct.pack("<21d", fx, 0, cx, 0, fy, cy, 0, 0, 1, *outer)
        (root / "camdata_left" / "alley_1" / f"{name}.cam").write_bytes(sintel.TAG + camera)
    return root / "final" / "alley_1"


def write_nyu(clip: Written, root: Path) -> Path:
    for index in range(FRAMES):
        clip.picture(root / "rgb" / f"{index:04d}.png", index)
        clip.depth(root / "depth" / f"{index:04d}.png", index, 1000)
    (root / "calibration.txt").write_text(words(clip.numbers))
    return root


def write_manifest(clip: Written, root: Path) -> Path:
    frames = []
    for index in range(FRAMES):
        names = {"rgb": f"{index}.png", "depth": f"{index}_depth.png"}
        clip.picture(root / names["rgb"], index)
        clip.depth(root / names["depth"], index, 2000)
        pose = clip.poses[index].flatten().tolist()
        frames.append({**names, "time_s": index / 30, "pose": pose})
    told = {"schema": manifest.SCHEMA, "units_per_m": 2000, "intrinsics": clip.numbers}
    (root / manifest.NAME).write_text(json.dumps({**told, "frames": frames}))
    return root


WRITERS = {
    "tum": write_tum, "bonn": write_bonn, "scannet": write_scannet, "kitti": write_kitti,
    "sintel": write_sintel, "nyu": write_nyu, "manifest": write_manifest,
}  # fmt: skip
UNITS = {"tum": 5000, "bonn": 5000, "scannet": 1000, "kitti": 256, "nyu": 1000, "manifest": 2000}
