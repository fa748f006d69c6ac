"""A clip from a folder: pictures as they are, and exact depth with cameras on a small grid.

The grid has square pixels whatever the camera had, because a `Camera` has one focal length: rows
are resampled, exactly, by the pinhole's own numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from stereocast.bench.depth_quality.clips import STEPS
from stereocast.bench.depth_quality.folders.frame import FolderFrame
from stereocast.bench.depth_quality.folders.layouts import read_folder
from stereocast.engine.errors import SourceError
from stereocast.kernels.raycast import Camera
from stereocast.training.scenes.poses import seen_by_both

GRID_WIDTH = 320
"""Most columns of the grid that steadiness is measured on."""
PAUSE_S = 1.0
"""Pictures so far apart have nothing in common: every method starts anew."""


@dataclass(frozen=True)
class FolderClip:
    """Frames of one size, in order; see `FolderFrame`."""

    frames: tuple[FolderFrame, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of its pictures."""
        height, width = self.frames[0].depth_m.shape
        return height, width

    @property
    def posed(self) -> int:
        """How many frames have a pose."""
        return sum(frame.pose is not None for frame in self.frames)

    def seconds_before(self, index: int) -> float | None:
        """Return seconds since the frame before; None where a clip begins, or time goes back."""
        if index == 0:
            return None
        passed = (self.frames[index].time_ns - self.frames[index - 1].time_ns) / 1e9
        return passed if 0 < passed < PAUSE_S else None

    def camera(self, index: int) -> Camera:
        """Return the camera of a frame that has a pose, for maps `on_grid`.

        Places are told from the first pose on: float32 keeps them, however far away that is.
        """
        frame, pose = self.frames[index], self.frames[index].pose
        if pose is None:
            raise ValueError(f"frame {index} has no pose")
        origin = next(each.pose for each in self.frames if each.pose is not None)
        focal = frame.intrinsics[0, 0] * self._scale
        across = frame.intrinsics[0, 2] * self._scale
        down = frame.intrinsics[1, 2] * focal / frame.intrinsics[1, 1]
        return Camera(
            (pose[:3, 3] - origin[:3, 3]).float(), pose[:3, :3].T.float(), focal.float(),
            torch.stack((across, down)).float(),
        )  # fmt: skip

    def on_grid(self, maps: Iterable[Tensor]) -> Tensor:
        """Return a map [H, W] of every frame at the nearest pixels of the grid, [T, h, w].

        NaN below and beside the picture.
        """
        height, width = self.size
        columns = round(width * self._scale)
        rows = max(1, round(height * self._scale))
        sampled = []
        for frame, each in zip(self.frames, maps, strict=True):
            stretch = frame.intrinsics[1, 1] / (frame.intrinsics[0, 0] * self._scale)
            y = ((torch.arange(rows) + 0.5) * stretch).floor().long()
            x = ((torch.arange(columns) + 0.5) / self._scale).floor().long()
            inside = (y < height)[:, None] & (x < width)
            part = each[y.clamp_max(height - 1)][:, x.clamp_max(width - 1)]
            sampled.append(torch.where(inside, part, torch.nan))
        return torch.stack(sampled)

    @cached_property
    def log_depth(self) -> Tensor:
        """The exact log depth on the grid, float32 [T, h, w], NaN: unknown."""
        return self.on_grid(frame.depth_m for frame in self.frames).log()

    @cached_property
    def pairs(self) -> dict[tuple[int, int], Tensor]:
        """Which points of a frame another one sees, too: bool [h, w] by source and target.

        Frames one and five apart, both ways; a point that moved is not where poses carry it.
        """
        seen = {}
        for step in STEPS:
            for later in range(step, len(self.frames)):
                both = (later, later - step)
                if any(self.frames[index].pose is None for index in both):
                    continue
                for source, target in (both, both[::-1]):
                    seen[source, target] = seen_by_both(self, self.log_depth, source, target)
        return seen

    @property
    def _scale(self) -> float:
        return min(1.0, GRID_WIDTH / self.size[1])


def load(folder: Path, layout: str, most: int, told: Callable[[], None]) -> FolderClip:
    """Return the first frames of a folder, `most` or fewer; `told` after each.

    Raises SourceError for what cannot be read, or where no depth is known.
    """
    frames: list[FolderFrame] = []
    for frame in islice(read_folder(folder, layout), most):
        if frames and frame.rgb.shape != frames[0].rgb.shape:
            (_, *first), (_, *other) = frames[0].rgb.shape, frame.rgb.shape
            raise SourceError(
                f"{folder}: the first picture has {first[1]}×{first[0]} pixels, number "
                f"{len(frames)} has {other[1]}×{other[0]}; all must have one size"
            )
        frames.append(frame)
        told()
    if not any(frame.depth_m.isfinite().any() for frame in frames):
        raise SourceError(f"{folder}: no depth is known in {len(frames)} frames; nothing to score")
    return FolderClip(tuple(frames))
