"""Clips that refiners are trained and scored on: pictures, motion, exact depth and poses, on disk.

Which depth a teacher makes of them, is corruption.py's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stereocast.kernels.flow import block_matching
from stereocast.kernels.raycast import Camera
from stereocast.training import checkpoint
from stereocast.training.scenes import WorldClip

NEAREST_M, FARTHEST_M = 0.2, 80.0
"""Exact depth is kept within these; the sky is at the latter."""
_FORMAT = 1  # part of the files' names


@dataclass(frozen=True)
class RefineClip:
    """T successive frames of one seed, on the grid that depth is refined on.

    picture    u8 [T, 3, h, w]
    log_depth  float32 [T, h, w], log of exact metres
    flow       float32 [T, 2, ⌈h/2⌉, ⌈w/2⌉], backward, by block matching; 0 in the first frame
    ids        int32 [T, h, w], the number of the thing that is seen, −1 for the sky
    cut        bool [T], another world was seen one frame before
    cameras    float32 [T, 5, 3], see `kernels.raycast.Camera.table`
    motion     how the camera moves
    """

    picture: Tensor
    log_depth: Tensor
    flow: Tensor
    ids: Tensor
    cut: Tensor
    cameras: Tensor
    motion: str

    @property
    def frames(self) -> int:
        """How many there are."""
        return self.picture.shape[0]

    def camera(self, index: int) -> Camera:
        """Return the camera of a frame."""
        table = self.cameras[index]
        return Camera(table[0], table[1:4], table[4, 0], table[4, 1:3])


@dataclass(frozen=True)
class ClipShape:
    """Frames, rows and columns of a clip."""

    frames: int
    height: int
    width: int


def render(seed: int, shape: ClipShape) -> RefineClip:
    """Render the clip of a seed; the same call always gives the same clip."""
    world = WorldClip(seed, shape.height, shape.width)
    seen = [world.frame(index) for index in range(shape.frames)]
    picture = torch.stack([frame.rgb for frame in seen])
    still = torch.zeros(2, (shape.height + 1) // 2, (shape.width + 1) // 2)
    flow = [still] + [block_matching(picture[i - 1], picture[i]) for i in range(1, len(seen))]
    depth = torch.stack([frame.depth_m for frame in seen]).clamp(NEAREST_M, FARTHEST_M)
    return RefineClip(
        picture=picture,
        log_depth=depth.log(),
        flow=torch.stack(flow),
        ids=torch.stack([frame.ids for frame in seen]),
        cut=torch.tensor([frame.cut for frame in seen]),
        cameras=torch.stack([frame.camera.table() for frame in seen]),
        motion=world.motion,
    )


class ClipCache:
    """Clips in a folder: rendered once, then read."""

    def __init__(self, folder: Path, shape: ClipShape) -> None:
        self._folder, self._shape = folder, shape

    def clip(self, seed: int) -> RefineClip:
        """Return the clip of a seed. Raises ConfigError for a file that is damaged."""
        path = self._path(seed)
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            checkpoint.save(path, vars(render(seed, self._shape)))
        return RefineClip(**checkpoint.load(path))

    def fill(self, seeds: Iterable[int], told: Callable[[int], None]) -> None:
        """Render what is missing; `told` is called with each seed when it is there."""
        for seed in seeds:
            if not self._path(seed).exists():
                self.clip(seed)
            told(seed)

    def _path(self, seed: int) -> Path:
        shape = self._shape
        name = f"refine{_FORMAT}-{seed}-{shape.frames}x{shape.height}x{shape.width}.clip"
        return self._folder / name
