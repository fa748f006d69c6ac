"""KITTI depth: a drive of the raw data with the annotated depth laid into it.

    image_02/data/N.png   proj_depth/groundtruth/image_02/N.png, 16 bit, 256 a metre
    calib_cam_to_cam.txt, here or one folder up: P_rect_02
    poses.txt             may be missing; line N: 3 × 4, camera 0 to world, as in the odometry data

Pictures without annotated depth, as at both ends of a drive, are left out; 10 come each second.
Source: Geiger et al., IJRR 2013; Uhrig et al., 3DV 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from stereocast.bench.depth_quality.folders.files import (
    number_of,
    numbers,
    pictures_in,
    pose_or_none,
    positive_pinhole,
    read_lines,
)  # fmt: skip
from stereocast.bench.depth_quality.folders.frame import FolderFrame, metres
from stereocast.bench.depth_quality.folders.pictures import read_grey16, read_rgb
from stereocast.engine.errors import SourceError

UNITS_PER_M, FRAMES_PER_S = 256.0, 10
TRUTH = Path("proj_depth", "groundtruth", "image_02")


def read_kitti(folder: Path) -> Iterator[FolderFrame]:
    """Yield the frames of a drive that have depth. Raises SourceError."""
    intrinsics, eye = _calibration(folder)
    poses = _poses(folder / "poses.txt", eye)
    for path in pictures_in(folder / TRUTH, ".png"):
        index = number_of(path)
        yield FolderFrame(
            read_rgb(folder / "image_02" / "data" / path.name),
            metres(read_grey16(path), UNITS_PER_M),
            poses[index] if index < len(poses) else None,
            intrinsics,
            index * 1_000_000_000 // FRAMES_PER_S,
        )


def _calibration(folder: Path) -> tuple[Tensor, Tensor]:
    """Return intrinsics, and where the left colour camera stands in camera 0, float64 [4, 4]."""
    name = "calib_cam_to_cam.txt"
    path = next((at / name for at in (folder, folder.parent) if (at / name).is_file()), None)
    if path is None:
        raise SourceError(f"{folder}: expected {name} here or one folder up; copy it there")
    for line in read_lines(path):
        key, _, rest = line.partition(":")
        if key == "P_rect_02":
            values = numbers(path, rest.split(), 12)
            fx, _, cx, x, _, fy, cy, y, *_, z = values
            intrinsics = positive_pinhole(path, fx, fy, cx, cy)
            eye = torch.eye(4, dtype=torch.float64)
            eye[:3, 3] = -torch.tensor(((x - cx * z) / fx, (y - cy * z) / fy, z))
            return intrinsics, eye
    raise SourceError(f"{path}: expected a line P_rect_02, got none; is the file whole?")


def _poses(path: Path, eye: Tensor) -> list[Tensor | None]:
    poses = []
    for line in read_lines(path) if path.is_file() else ():
        rows = torch.tensor(numbers(path, line.split(), 12), dtype=torch.float64).view(3, 4)
        last = torch.tensor(((0, 0, 0, 1),), dtype=torch.float64)
        poses.append(pose_or_none(torch.cat((rows, last)) @ eye))
    return poses
