"""Real stereo pairs from disk: both eyes, the left one's disparity, and where it is known.

Which files and frames, and what counts as known: §4 and §7 of the README beside the outside data.
How made eyes are scored against them is in real_clips.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from stereocast.bench.stereo_truth.hole_fills import fill_from_background
from stereocast.bench.stereo_truth.matching import match
from stereocast.engine.errors import ConfigError

FILES = {
    "google_plaza": "google_plaza_sbs.mp4",
    "congo yaw0": "congo_sbs_yaw0.mp4",
    "congo yaw90": "congo_sbs_yaw90.mp4",
    "iceland yaw0": "iceland_sbs_yaw0.mp4",
}
MOTORCYCLE = "motorcycle"
NAMES = (*FILES, MOTORCYCLE)
PAIRS = 24
"""How many pairs all clips give together."""

_EVERY, _FIRST = 20, 10
_MOST_PX = 20.0
_MOTORCYCLE_SIZE = (324, 480)
_MEDIAN_PX = 5


@dataclass(frozen=True)
class Pair:
    """Both eyes u8 [3, H, W], the left one's disparity float32 [H, W], and where it is known."""

    left: Tensor
    right: Tensor
    disparity: Tensor
    valid: Tensor

    def completed(self) -> Tensor:
        """Return the disparity with unknown parts continued from the farther side, smoothed."""
        filled = fill_from_background(self.disparity[None], ~self.valid, self.disparity)[0]
        return median(filled)


def pairs(folder: Path, name: str) -> Iterator[Pair]:
    """Decode and match the pairs of one clip, one at a time."""
    if name == MOTORCYCLE:
        yield _motorcycle(folder / "stereo")
        return
    path = folder / "stereo" / FILES[name]
    for index, picture in enumerate(_decoded(path)):
        if index % _EVERY != _FIRST:
            continue
        half = picture.shape[2] // 2
        left, right = picture[:, :, :half].contiguous(), picture[:, :, half:].contiguous()
        found = match(left, right)
        yield Pair(left, right, found.disparity, found.valid & (found.disparity < _MOST_PX))


def left_eyes(folder: Path, name: str) -> Iterator[Tensor]:
    """Decode every left eye of one video clip, u8 [3, H, W]."""
    for picture in _decoded(folder / "stereo" / FILES[name]):
        yield picture[:, :, : picture.shape[2] // 2].contiguous()


def median(disparity: Tensor) -> Tensor:
    """Return the median of 5 × 5 pixels around every pixel of [H, W]; the border is continued."""
    reach = _MEDIAN_PX // 2
    padded = pad(disparity[None, None], (reach,) * 4, mode="replicate")[0, 0]
    windows = padded.unfold(0, _MEDIAN_PX, 1).unfold(1, _MEDIAN_PX, 1).flatten(2)
    return windows.median(dim=2).values


def shrink(layers: Tensor, size: tuple[int, int]) -> Tensor:
    """Return [C, H, W] scaled to a smaller size, every pixel the mean of the area it covers."""
    down, across = (_overlaps(old, new) for old, new in zip(layers.shape[1:], size, strict=True))
    return torch.einsum("yh,chw,xw->cyx", down, layers.double(), across)


def _overlaps(old: int, new: int) -> Tensor:
    edges = torch.arange(new + 1, dtype=torch.float64) * old / new
    pixels = torch.arange(old, dtype=torch.float64)
    upper = torch.minimum(edges[1:, None], pixels + 1)
    lower = torch.maximum(edges[:-1, None], pixels)
    return (upper - lower).clamp_min(0) * new / old


def _motorcycle(folder: Path) -> Pair:
    height, width = _MOTORCYCLE_SIZE
    eyes = []
    for side in ("left", "right"):
        picture = next(_decoded(folder / f"motorcycle_{side}.png"))
        eyes.append(shrink(picture, _MOTORCYCLE_SIZE).round().clamp(0, 255).to(torch.uint8))
    with np.load(_existing(folder / "motorcycle_disp.npz")) as arrays:
        whole = torch.from_numpy(arrays["arr_0"])
    rows = torch.arange(height) * whole.shape[0] // height
    columns = torch.arange(width) * whole.shape[1] // width
    disparity = whole[rows][:, columns] * (width / whole.shape[1])
    valid = disparity.isfinite()
    return Pair(eyes[0], eyes[1], torch.where(valid, disparity, 0.0), valid)


def _decoded(path: Path) -> Iterator[Tensor]:
    with av.open(str(_existing(path))) as container:
        for frame in container.decode(video=0):
            picture = torch.from_numpy(frame.to_ndarray(format="rgb24"))
            yield picture.permute(2, 0, 1).contiguous()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(
            f"--data: {path} is missing; name the folder that holds stereo/ with the real clips"
        )
    return path
