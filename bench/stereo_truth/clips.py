"""The rendered clips that methods are compared on: scenes, their truth, and the depth they get.

Rendering costs seconds; a folder can keep what was rendered. Real clips are in real_clips.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from stereocast.kernels import raycast
from stereocast.training import scenes
from stereocast.training.scenes import (
    Depth,
    PerfectDepth,
    RealisticDepth,
    SceneClip,
    TruthFrame,
)
from stereocast.training.scenes.clip import CameraPath

DepthKind = Literal["perfect", "realistic"]
FRESH_SEED = 7000
"""The first of the seeds that reports use; tune on others."""


@dataclass(frozen=True)
class Clip:
    """A clip with its truth, and the disparity float32 [H, W] that methods are given per frame."""

    name: str
    depth: str
    frames: tuple[TruthFrame, ...]
    given: tuple[Tensor, ...]


@dataclass(frozen=True)
class RenderedClips:
    """Which scenes to render: `scenes` seeds from `seed` on, `frames` consecutive frames each."""

    scenes: int = 6
    frames: int = 4
    width: int = 640
    height: int = 360
    depths: tuple[DepthKind, ...] = ("perfect", "realistic")
    seed: int = FRESH_SEED
    camera: CameraPath = "drift"
    blur_px_at_720p: float = 3.0
    """How soft the edges of realistic depth are: the sigma of a Gaussian, in pixels at 720 rows."""
    cache: Path | None = None
    """A folder that keeps rendered clips between runs; None: render them anew."""

    def clips(self) -> Iterator[Clip]:
        """Render or load the clips, one at a time."""
        for seed in range(self.seed, self.seed + self.scenes):
            frames = self._frames(seed)
            for depth in self.depths:
                degrade = self._depth(depth, seed)
                given = (degrade.disparity(f.disparity, index) for index, f in enumerate(frames))
                yield Clip(f"scene {seed}", depth, frames, tuple(given))

    def only(self, depth: DepthKind) -> RenderedClips:
        """Return the same scenes with one kind of depth."""
        return replace(self, depths=(depth,))

    def _depth(self, kind: DepthKind, seed: int) -> Depth:
        if kind == "perfect":
            return PerfectDepth()
        return RealisticDepth(seed, blur_px_at_720p=self.blur_px_at_720p)

    def _frames(self, seed: int) -> tuple[TruthFrame, ...]:
        path = None
        if self.cache is not None:
            self.cache.mkdir(parents=True, exist_ok=True)
            what = f"{seed}-{self.camera}-{self.width}x{self.height}x{self.frames}"
            path = self.cache / f"scene-{what}-{_renderer()}.pt"
            if path.is_file():
                return tuple(TruthFrame(**maps) for maps in torch.load(path, weights_only=True))
        scene = SceneClip(seed, height=self.height, width=self.width, camera=self.camera)
        frames = tuple(scene.frame(index) for index in range(self.frames))
        if path is not None:
            unfinished = path.with_suffix(".part")
            torch.save([asdict(frame) for frame in frames], unfinished)
            unfinished.replace(path)
        return frames


def _renderer() -> str:
    """Return what names the present renderer: another one must not meet the clips of this one."""
    digest = hashlib.sha256(torch.__version__.encode())
    for package in (scenes, raycast):
        folder = Path(package.__path__[0])
        for path in sorted(folder.iterdir()):
            if path.suffix in (".py", ".cpp", ".h"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
