"""Clips of rendered worlds on disk, and batches of them: what the trainers learn from.

A shard is three files: NAME.rgb.npy u8 [clips, T, 3, H, W], NAME.depth.npy float16
[clips, T, H, W], inverse depth in 1/m (0: sky), and NAME.json, which says where they come from and
is written last, so that a shard without it does not exist. They are mapped, not read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError

SCHEMA = "stereocast/clips/1"


@dataclass(frozen=True)
class Batch:
    """Clips cut to one size.

    rgb            float32 [N, T, 3, h, w] in [0, 1]
    inverse_depth  float32 [N, T, ⌈h/2⌉, ⌈w/2⌉], 1/m, at the centres of 2×2 pixels
    """

    rgb: Tensor
    inverse_depth: Tensor


def write_shard(folder: Path, name: str, rgb: Tensor, depth_m: Tensor, facts: object) -> None:
    """Write clips u8 [clips, T, 3, H, W] with depth_m float32 [clips, T, H, W], +inf for sky."""
    folder.mkdir(parents=True, exist_ok=True)
    inverse = torch.where(depth_m.isfinite(), 1 / depth_m.clamp_min(1e-2), 0.0)
    np.save(folder / f"{name}.rgb.npy", rgb.numpy())
    np.save(folder / f"{name}.depth.npy", inverse.half().numpy())
    said = {"schema": SCHEMA, "clips": len(rgb), "facts": facts}
    (folder / f"{name}.json").write_text(json.dumps(said))


class ClipShards:
    """All shards of a folder as one list of clips.

    Raises ConfigError where there is none, or one is damaged or of another length.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: tuple[str, ...] = ()
        self._clips: list[tuple[Any, Any, int]] = []
        self.look_again()
        if not self._clips:
            raise ConfigError(
                f"{folder}: there are no clips; render some: python -m stereocast.training clips"
            )

    def look_again(self) -> bool:
        """Take in shards that have appeared since; tell whether there are any."""
        names = tuple(sorted(path.stem for path in self.folder.glob("*.json")))
        fresh = [name for name in names if name not in self.names]
        for name in fresh:
            said = json.loads((self.folder / f"{name}.json").read_text())
            if said.get("schema") != SCHEMA:
                raise ConfigError(f"{self.folder / name}.json is no shard of clips; remove it")
            rgb = np.load(self.folder / f"{name}.rgb.npy", mmap_mode="r")
            depth = np.load(self.folder / f"{name}.depth.npy", mmap_mode="r")
            self._clips += [(rgb, depth, number) for number in range(said["clips"])]
        self.names += tuple(fresh)
        return bool(fresh)

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def length(self) -> int:
        """Frames in a clip."""
        return int(self._clips[0][0].shape[1])

    def clip(self, number: int) -> tuple[Tensor, Tensor]:
        """Return rgb u8 [T, 3, H, W] and inverse depth float32 [T, H, W]."""
        rgb, depth, place = self._clips[number]
        return torch.from_numpy(rgb[place].copy()), torch.from_numpy(depth[place].copy()).float()

    def cut(
        self, number: int, size: tuple[int, int], draw: torch.Generator, least: float = 1.0
    ) -> Batch:
        """Return one clip as a batch of one: a random window, at least `least` of the sides.

        The window is stretched by up to 20 %, as lenses and scalers do. It may be mirrored, and
        may run backwards.
        """
        rgb, depth, place = self._clips[number]
        height, width = rgb.shape[-2:]
        share, stretch, x, y, mirror, back = torch.rand(6, generator=draw).tolist()
        aspect = size[1] / size[0] * 1.2 ** (2 * stretch - 1)
        tallest = min(height, width / aspect)
        rows = max(int(tallest * (least + (1 - least) * share)), 8)
        columns = min(int(rows * aspect), width)
        top, left = int(y * (height - rows + 1)), int(x * (width - columns + 1))
        window = (slice(top, top + rows), slice(left, left + columns))
        colours = torch.from_numpy(rgb[place][:, :, *window].copy()).float() / 255
        colours = torch.nn.functional.interpolate(
            colours, size=size, mode="bilinear", align_corners=False
        )
        maps = torch.from_numpy(depth[place][:, *window].copy()).float()
        half = (-(-size[0] // 2), -(-size[1] // 2))
        maps = torch.nn.functional.interpolate(maps[:, None], size=half, mode="nearest-exact")[:, 0]
        if mirror < 0.5:
            colours, maps = colours.flip(-1), maps.flip(-1)
        if back < 0.5:
            colours, maps = colours.flip(0), maps.flip(0)
        return Batch(colours[None], maps[None])

    def batch(
        self, numbers: list[int], size: tuple[int, int], draw: torch.Generator, least: float = 1.0
    ) -> Batch:
        """Return these clips, each cut for itself, at one size (h, w)."""
        cuts = [self.cut(number, size, draw, least) for number in numbers]
        return Batch(
            torch.cat([cut.rgb for cut in cuts]), torch.cat([cut.inverse_depth for cut in cuts])
        )
