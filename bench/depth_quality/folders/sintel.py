"""MPI Sintel with its depth and cameras: the folder of one scene's pictures is named.

    training/final/SCENE/frame_NNNN.png   (or clean)
    training/depth/SCENE/frame_NNNN.dpt   training/camdata_left/SCENE/frame_NNNN.cam

Both begin with the float 202021.25, little-endian. .dpt: width and height int32, metres float32.
.cam: intrinsics float64 [3, 3], world to camera float64 [3, 4]. 24 pictures come each second.
Source: Butler et al., ECCV 2012, and the reader beside the data.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from stereocast.bench.depth_quality.folders.files import (
    number_of,
    pictures_in,
    pose_or_none,
    positive_pinhole,
    read_bytes,
)  # fmt: skip
from stereocast.bench.depth_quality.folders.frame import FolderFrame
from stereocast.bench.depth_quality.folders.pictures import read_rgb
from stereocast.engine.errors import SourceError

TAG = struct.pack("<f", 202021.25)
FRAMES_PER_S = 24
FARTHEST_M = 1e4
"""Sky is written as very far; nothing nearer than this is sky."""
_CAMERA_BYTES = 4 + 8 * (9 + 12)
_MAX_SIDE = 1 << 13


def read_sintel(folder: Path) -> Iterator[FolderFrame]:
    """Yield the frames of a scene. Raises SourceError."""
    scene = folder.resolve()
    depths, cameras = (scene.parents[1] / kind / scene.name for kind in ("depth", "camdata_left"))
    for picture in pictures_in(folder, ".png"):
        intrinsics, pose = read_camera(cameras / f"{picture.stem}.cam")
        depth = read_depth(depths / f"{picture.stem}.dpt")
        time_ns = number_of(picture) * 1_000_000_000 // FRAMES_PER_S
        yield FolderFrame(read_rgb(picture), depth, pose, intrinsics, time_ns)


def read_depth(path: Path) -> Tensor:
    """Return depth, float32 [H, W], metres, NaN: unknown. Raises SourceError."""
    data = read_bytes(path)
    if len(data) < 12 or data[:4] != TAG:
        raise SourceError(f"{path}: expected a .dpt file of Sintel, got other bytes; fetch it anew")
    width, height = struct.unpack_from("<ii", data, 4)
    sides_fit = 1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE
    if not sides_fit or len(data) != 12 + 4 * width * height:
        raise SourceError(
            f"{path}: {width}×{height} depths need {12 + 4 * width * height} bytes, got "
            f"{len(data)}; fetch it anew"
        )
    depth = torch.frombuffer(bytearray(data[12:]), dtype=torch.float32).view(height, width)
    known = depth.isfinite() & (depth > 0) & (depth < FARTHEST_M)
    return torch.where(known, depth, torch.nan)


def read_camera(path: Path) -> tuple[Tensor, Tensor | None]:
    """Return intrinsics [3, 3] and the pose [4, 4] of a camera. Raises SourceError."""
    data = read_bytes(path)
    if len(data) != _CAMERA_BYTES or data[:4] != TAG:
        raise SourceError(
            f"{path}: expected a .cam file of Sintel, {_CAMERA_BYTES} bytes, got {len(data)}; "
            "fetch it anew"
        )
    values = torch.frombuffer(bytearray(data[4:]), dtype=torch.float64)
    inner, outer = values[:9].view(3, 3), torch.eye(4, dtype=torch.float64)
    outer[:3] = values[9:].view(3, 4)
    intrinsics = positive_pinhole(
        path, *(float(inner[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2)))
    )
    to_camera = pose_or_none(outer)
    return intrinsics, None if to_camera is None else torch.linalg.inv(to_camera)
