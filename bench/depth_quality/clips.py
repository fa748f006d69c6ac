"""Held-out worlds with a corrupted teacher, and what is static, seen and new in every frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from stereocast.kernels.raycast import raycast
from stereocast.training import checkpoint
from stereocast.training.corruption import Teacher, corrupt
from stereocast.training.refine_clips import ClipCache, ClipShape, RefineClip
from stereocast.training.scenes import WorldClip
from stereocast.training.scenes.poses import seen_by_both
from stereocast.training.scenes.seeds import SCORE_SEEDS

BAND_FRAMES = 3
"""Pixels whose thing changed within so many frames are the occlusion band."""
STEPS = (1, 5)
"""Frames between those that are compared by pose."""


@dataclass(frozen=True)
class ScoredClip:
    """A clip, its teacher, and masks bool [T, h, w].

    moving  on something that moves by itself
    band    where the thing that is seen changed within three frames
    """

    seed: int
    clip: RefineClip
    teacher: Teacher
    moving: Tensor
    band: Tensor

    @cached_property
    def pairs(self) -> dict[tuple[int, int], Tensor]:
        """Which points of a frame another one sees, too: bool [h, w] by source and target.

        Pairs of frames one and five apart, both ways, without a cut between; what moves is left
        out. The same for every method, so made once.
        """
        seen = {}
        for step in STEPS:
            for later in range(step, self.clip.frames):
                if self.clip.cut[later - step + 1 : later + 1].any():
                    continue
                for source, target in ((later, later - step), (later - step, later)):
                    near = seen_by_both(self.clip, self.clip.log_depth, source, target)
                    seen[source, target] = near & ~self.moving[source]
        return seen

    @cached_property
    def still(self) -> Tensor:
        """What rests in the picture and was seen one frame before, bool [T, h, w]."""
        still = torch.zeros(self.moving.shape, dtype=torch.bool)
        for index in range(1, self.clip.frames):
            if (index, index - 1) in self.pairs:
                rest = self.clip.flow[index].abs().sum(0) == 0
                fine = rest.repeat_interleave(2, 0).repeat_interleave(2, 1)
                height, width = still.shape[1:]
                still[index] = self.pairs[index, index - 1] & fine[:height, :width]
        return still


@dataclass(frozen=True)
class HeldOut:
    """`count` clips with the seeds from `first` on, kept in a folder."""

    folder: Path
    shape: ClipShape
    count: int = 24
    first: int = SCORE_SEEDS.start

    def load(self, told: Callable[[], None]) -> list[ScoredClip]:
        """Return the clips, rendered where they are not there; `told` after each."""
        cache, clips = ClipCache(self.folder, self.shape), []
        for seed in range(self.first, self.first + self.count):
            clips.append(scored(seed, cache, self.folder, self.shape))
            told()
        return clips


def scored(seed: int, cache: ClipCache, folder: Path, shape: ClipShape) -> ScoredClip:
    """Return one clip with what is needed to score it."""
    clip = cache.clip(seed)
    path = folder / f"moving-{seed}-{shape.frames}x{shape.height}x{shape.width}.clip"
    if not path.exists():
        checkpoint.save(path, {"moving": moving_pixels(seed, shape)})
    moving = checkpoint.load(path)["moving"]
    return ScoredClip(seed, clip, corrupt(clip.log_depth, seed), moving, occlusion_band(clip.ids))


def moving_pixels(seed: int, shape: ClipShape) -> Tensor:
    """Return, bool [T, h, w], what changed its place in the world since the frame before."""
    world = WorldClip(seed, shape.height, shape.width)
    before, masks = None, []
    for index in range(shape.frames):
        scene = world.scene_at(index)
        _, _, rows = raycast(scene, world.camera_at(index), height=shape.height, width=shape.width)
        if before is None or before.shape != scene.primitives.shape:
            moved = torch.zeros(len(scene.primitives) + 1, dtype=torch.bool)
        else:
            changed = (scene.primitives != before).any(1)
            moved = torch.cat((changed, torch.zeros(1, dtype=torch.bool)))
        masks.append(moved[rows.long()])  # row −1, nothing hit, is the appended one
        before = scene.primitives
    return torch.stack(masks)


def occlusion_band(ids: Tensor) -> Tensor:
    """Return where, bool [T, h, w], the id of [T, h, w] differs from one of the frames before."""
    band = torch.zeros(ids.shape, dtype=torch.bool)
    for back in range(1, BAND_FRAMES + 1):
        band[back:] |= ids[back:] != ids[:-back]
    return band
