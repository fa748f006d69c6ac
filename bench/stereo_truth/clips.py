"""The rendered clips that methods are compared on: scenes, their truth, and the depth they get.

Rendering costs seconds; a folder can keep what was rendered. Real clips are in real_clips.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from stereocast.kernels import raycast
from stereocast.training import scenes
from stereocast.training.scenes import SceneClip, TruthFrame

Depth = Literal["perfect", "realistic"]
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
    depths: tuple[Depth, ...] = ("perfect", "realistic")
    seed: int = FRESH_SEED
    cache: Path | None = None
    """A folder that keeps rendered clips between runs; None: render them anew."""

    def clips(self) -> Iterator[Clip]:
        """Render or load the clips, one at a time."""
        for seed in range(self.seed, self.seed + self.scenes):
            frames = self._frames(seed)
            for depth in self.depths:
                yield Clip(f"scene {seed}", depth, frames, _given(frames, depth, seed))

    def _frames(self, seed: int) -> tuple[TruthFrame, ...]:
        path = None
        if self.cache is not None:
            self.cache.mkdir(parents=True, exist_ok=True)
            size = f"{self.width}x{self.height}x{self.frames}"
            path = self.cache / f"scene-{seed}-{size}-{_renderer()}.pt"
            if path.is_file():
                return tuple(TruthFrame(**maps) for maps in torch.load(path, weights_only=True))
        scene = SceneClip(seed, height=self.height, width=self.width)
        frames = tuple(scene.frame(index) for index in range(self.frames))
        if path is not None:
            unfinished = path.with_suffix(".part")
            torch.save([asdict(frame) for frame in frames], unfinished)
            unfinished.replace(path)
        return frames


def _given(frames: tuple[TruthFrame, ...], depth: Depth, seed: int) -> tuple[Tensor, ...]:
    if depth == "perfect":
        return tuple(frame.disparity for frame in frames)
    return tuple(_provisional(frame.disparity, seed * 1000 + i) for i, frame in enumerate(frames))


def _provisional(d: Tensor, seed: int) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    sigma = 3 * d.shape[0] / 720
    r = int(4 * sigma + 1)
    k = torch.exp(-torch.arange(-r, r + 1).float().square() / (2 * sigma**2))
    k = k / k.sum()
    x = torch.nn.functional.pad(d[None, None], (r, r, r, r), mode="replicate")
    x = torch.conv2d(torch.conv2d(x, k.reshape(1, 1, 1, -1)), k.reshape(1, 1, -1, 1))[0, 0]
    span = d.max() - d.min()
    n = torch.randn(1, 1, 8, 14, generator=g)
    n = torch.nn.functional.interpolate(n, size=d.shape, mode="bicubic")[0, 0]
    s = 1 + 0.02 * torch.randn(1, generator=g)
    o = 0.005 * span * torch.randn(1, generator=g)
    return x * s + o + 0.01 * span * n


def _renderer() -> str:
    """Return what names the present renderer: another one must not meet the clips of this one."""
    digest = hashlib.sha256(torch.__version__.encode())
    for package in (scenes, raycast):
        folder = Path(package.__path__[0])
        for path in sorted(folder.iterdir()):
            if path.suffix in (".py", ".cpp", ".h"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
