"""Bonn RGB-D Dynamic: lists as TUM RGB-D has them, see `tum`, with poses of something else.

Its poses are those of markers on the camera, in axes of ROS; they are carried over to the camera
with the published calibration, whose turning part is no rotation to the last digit and is made one.
Source: Palazzolo et al., IROS 2019, and the page of the data set.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from stereocast.bench.depth_quality.folders.frame import FolderFrame
from stereocast.bench.depth_quality.folders.tum import read_lists

AXES = torch.tensor(((-1, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0), (0, 0, 0, 1)), dtype=torch.float64)
_MARKERS = torch.tensor(
    (
        (1.0157, 0.1828, -0.2389, 0.0113), (0.0009, -0.8431, -0.6413, -0.0098),
        (-0.3009, 0.6147, -0.8085, 0.0111), (0, 0, 0, 1),
    ), dtype=torch.float64,
)  # fmt: skip


def read_bonn(folder: Path) -> Iterator[FolderFrame]:
    """Yield the frames of a sequence of Bonn RGB-D Dynamic. Raises SourceError."""
    sensor = camera_in_markers()
    return read_lists(folder, lambda pose: AXES @ pose @ AXES @ sensor)


def camera_in_markers() -> Tensor:
    """Return the calibration as a rigid motion, float64 [4, 4]."""
    left, _, right = torch.linalg.svd(_MARKERS[:3, :3])
    rigid = _MARKERS.clone()
    rigid[:3, :3] = left @ right
    return rigid
