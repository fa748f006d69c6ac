"""A folder of anybody's with a manifest.json that says what is what.

    {"schema": "stereocast/depth-clip/1", "units_per_m": 1000, "intrinsics": [fx, fy, cx, cy],
     "frames": [{"rgb": "a.png", "depth": "a_depth.png", "time_s": 0.0, "pose": [16 numbers]}]}

Depth: PNG of 16-bit greys, 0 is unknown. Pose: camera to world by rows, axes right, down, forward;
may be missing or null. Intrinsics count from the centre of the first pixel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.bench.depth_quality.folders.files import (
    MAX_FRAMES,
    inside,
    pose_or_none,
    positive_pinhole,
    read_bytes,
)  # fmt: skip
from stereocast.bench.depth_quality.folders.frame import FolderFrame, metres
from stereocast.bench.depth_quality.folders.pictures import read_grey16, read_rgb
from stereocast.engine.errors import SourceError

NAME, SCHEMA = "manifest.json", "stereocast/depth-clip/1"


def read_manifest(folder: Path) -> Iterator[FolderFrame]:
    """Yield the frames that a manifest names. Raises SourceError."""
    path = folder / NAME
    try:
        told = json.loads(read_bytes(path))
    except (ValueError, RecursionError):
        raise SourceError(f"{path}: expected JSON, got something else; correct the file") from None
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise SourceError(f'{path}: expected "schema": "{SCHEMA}", got another; correct the file')
    (scale,) = _numbers(path, "units_per_m", [told.get("units_per_m")], 1)
    if not 0 < scale < 1e6:
        raise SourceError(f"{path}: units_per_m must be in (0, 1e6), got {scale:g}")
    intrinsics = positive_pinhole(path, *_numbers(path, "intrinsics", told.get("intrinsics"), 4))
    frames = told.get("frames")
    if not isinstance(frames, list) or not 0 < len(frames) <= MAX_FRAMES:
        raise SourceError(f"{path}: expected frames, a list of 1 to {MAX_FRAMES} objects")
    for index, each in enumerate(frames):
        if not isinstance(each, dict):
            raise SourceError(f"{path}: frame {index} is no object; correct the file")
        (time_s,) = _numbers(path, f"frame {index}: time_s", [each.get("time_s")], 1)
        yield FolderFrame(
            read_rgb(inside(path, each.get("rgb"))),
            metres(read_grey16(inside(path, each.get("depth"))), scale),
            _pose(path, index, each.get("pose")),
            intrinsics,
            round(time_s * 1e9),
        )


def _numbers(path: Path, name: str, values: Any, count: int) -> list[float]:
    if isinstance(values, list) and len(values) == count:
        fine = [isinstance(v, int | float) and not isinstance(v, bool) for v in values]
        if all(fine) and all(abs(value) < 1e12 for value in values):
            return [float(value) for value in values]
    wanted = "a number" if count == 1 else f"{count} numbers"
    raise SourceError(f"{path}: {name} must be {wanted}, got {str(values)[:60]}")


def _pose(path: Path, index: int, values: Any) -> Tensor | None:
    if values is None:
        return None
    rows = _numbers(path, f"frame {index}: pose", values, 16)
    pose = pose_or_none(torch.tensor(rows, dtype=torch.float64).view(4, 4))
    if pose is None:
        raise SourceError(
            f"{path}: frame {index}: pose is no rigid motion; correct or leave it out"
        )
    return pose
