"""TUM RGB-D: lists of times, matched by the nearest.

    rgb.txt, depth.txt   "time file", seconds; depth: 16-bit PNG, 5000 a metre
    groundtruth.txt      "time tx ty tz qx qy qz qw"; may be missing
    calibration.txt      "fx fy cx cy"; where it is missing, the published numbers by the name

Source: Sturm et al., IROS 2012, and the pages of the data set.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from stereocast.bench.depth_quality.folders.files import (
    MAX_FRAMES,
    inside,
    numbers,
    pose_or_none,
    positive_pinhole,
    read_lines,
)  # fmt: skip
from stereocast.bench.depth_quality.folders.frame import FolderFrame, metres
from stereocast.bench.depth_quality.folders.pictures import read_grey16, read_rgb
from stereocast.engine.errors import SourceError

UNITS_PER_M = 5000.0
NEAREST_S = 0.02
_CAMERAS = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3),
    "freiburg2": (520.9, 521.0, 325.1, 249.7),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
    "bonn": (542.822841, 542.576870, 315.593520, 237.756098),
}
_ANY_KINECT = (525.0, 525.0, 319.5, 239.5)

Timed = list[tuple[float, list[str]]]


def read_tum(folder: Path) -> Iterator[FolderFrame]:
    """Yield the frames of a sequence of TUM RGB-D. Raises SourceError."""
    return read_lists(folder, lambda pose: pose)


def read_lists(folder: Path, camera_of: Callable[[Tensor], Tensor]) -> Iterator[FolderFrame]:
    """Yield the frames that have depth; `camera_of` makes the camera's pose of the listed one."""
    pictures, depths = (_timed(folder / f"{name}.txt", 1) for name in ("rgb", "depth"))
    truth = folder / "groundtruth.txt"
    poses = _timed(truth, 7) if truth.is_file() else []
    intrinsics = _intrinsics(folder)
    matched = 0
    for time_s, (name,) in pictures:
        found = _nearest(depths, time_s)
        if found is None:
            continue
        matched += 1
        place = _nearest(poses, time_s)
        pose = None if place is None else _pose(truth, place)
        depth = metres(read_grey16(inside(folder / "depth.txt", found[0])), UNITS_PER_M)
        yield FolderFrame(
            read_rgb(inside(folder / "rgb.txt", name)), depth,
            None if pose is None else camera_of(pose), intrinsics, round(time_s * 1e9),
        )  # fmt: skip
    if not matched:
        raise SourceError(f"{folder}: no picture has depth within {NEAREST_S} s; compare the lists")


def _timed(path: Path, count: int) -> Timed:
    rows: Timed = []
    for line in read_lines(path)[:MAX_FRAMES]:
        time, *rest = line.replace(",", " ").split()
        (time_s,) = numbers(path, [time], 1)
        if len(rest) != count or not 0 <= time_s < 1e11:
            raise SourceError(
                f"{path}: expected a time and {count} more, got '{line[:60]}'; is the file whole?"
            )
        rows.append((time_s, rest))
    return sorted(rows, key=lambda row: row[0])


def _nearest(rows: Timed, time_s: float) -> list[str] | None:
    place = bisect_left(rows, time_s, key=lambda row: row[0])
    near = min(rows[max(0, place - 1) : place + 1], key=lambda r: abs(r[0] - time_s), default=None)
    return near[1] if near is not None and abs(near[0] - time_s) <= NEAREST_S else None


def _pose(path: Path, words: list[str]) -> Tensor | None:
    values = torch.tensor(numbers(path, words, 7), dtype=torch.float64)
    x, y, z, w = values[3:] / values[3:].norm()
    cross = torch.stack((0 * w, -z, y, z, 0 * w, -x, -y, x, 0 * w)).view(3, 3)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] += 2 * (w * cross + cross @ cross)
    pose[:3, 3] = values[:3]
    return pose_or_none(pose)


def _intrinsics(folder: Path) -> Tensor:
    path = folder / "calibration.txt"
    if path.is_file():
        return positive_pinhole(path, *numbers(path, " ".join(read_lines(path)).split()[:4], 4))
    named = (values for name, values in _CAMERAS.items() if name in folder.name.lower())
    return positive_pinhole(path, *next(named, _ANY_KINECT))
