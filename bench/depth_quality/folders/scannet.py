"""ScanNet as its reader exports a scene.

    color/N.jpg   depth/N.png, 16 bit, 1000 a metre   pose/N.txt, camera to world, 4 × 4
    intrinsic/intrinsic_depth.txt, 4 × 4

Colour is brought to the size of depth, which both are scored at. Pictures come 30 times a second.
Source: Dai et al., CVPR 2017, and the exporter beside the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch.nn.functional import interpolate

from stereocast.bench.depth_quality.folders.files import (
    matrix,
    number_of,
    pictures_in,
    pose_or_none,
    positive_pinhole,
)  # fmt: skip
from stereocast.bench.depth_quality.folders.frame import FolderFrame, metres
from stereocast.bench.depth_quality.folders.pictures import read_grey16, read_rgb

UNITS_PER_M, FRAMES_PER_S = 1000.0, 30


def read_scannet(folder: Path) -> Iterator[FolderFrame]:
    """Yield the frames of an exported scene. Raises SourceError."""
    path = folder / "intrinsic" / "intrinsic_depth.txt"
    values = matrix(path)
    intrinsics = positive_pinhole(
        path, *(float(values[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2)))
    )
    for picture in pictures_in(folder / "color", ".jpg", ".png"):
        depth = metres(read_grey16(folder / "depth" / f"{picture.stem}.png"), UNITS_PER_M)
        rgb = read_rgb(picture)
        if rgb.shape[1:] != depth.shape:
            size = (depth.shape[0], depth.shape[1])
            smooth = interpolate(rgb[None].float(), size, mode="bilinear", antialias=True)
            rgb = smooth[0].round().clamp(0, 255).byte()
        pose = pose_or_none(matrix(folder / "pose" / f"{picture.stem}.txt"))
        time_ns = number_of(picture) * 1_000_000_000 // FRAMES_PER_S
        yield FolderFrame(rgb, depth, pose, intrinsics, time_ns)
