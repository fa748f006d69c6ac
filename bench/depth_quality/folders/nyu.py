"""NYU Depth v2 as pictures: the labelled pairs, or any others that are registered.

    rgb/NAME.png or .jpg   depth/NAME.png, 16 bit, 1000 a metre
    calibration.txt        "fx fy cx cy"; where it is missing, the toolbox's colour camera

The set is published as one MATLAB file; this is the form that most copies of it have. There are no
poses, and no motion from one pair to the next.
Source: Silberman et al., ECCV 2012; intrinsics from its toolbox, which counts from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stereocast.bench.depth_quality.folders.files import (
    numbers,
    pictures_in,
    positive_pinhole,
    read_lines,
)  # fmt: skip
from stereocast.bench.depth_quality.folders.frame import FolderFrame, metres
from stereocast.bench.depth_quality.folders.pictures import read_grey16, read_rgb

UNITS_PER_M = 1000.0
_COLOUR_CAMERA = (518.857901, 519.469611, 324.582449, 252.736166)
_APART_NS = 1_000_000_000


def read_nyu(folder: Path) -> Iterator[FolderFrame]:
    """Yield the pairs of a folder, a second apart. Raises SourceError."""
    path, values = folder / "calibration.txt", list(_COLOUR_CAMERA)
    if path.is_file():
        values = numbers(path, " ".join(read_lines(path)).split(), 4)
    intrinsics = positive_pinhole(path, *values)
    for index, picture in enumerate(pictures_in(folder / "rgb", ".png", ".jpg")):
        depth = metres(read_grey16(folder / "depth" / f"{picture.stem}.png"), UNITS_PER_M)
        yield FolderFrame(read_rgb(picture), depth, None, intrinsics, index * _APART_NS)
