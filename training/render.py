"""Rendered clips as shards on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.training.data import write_shard
from stereocast.training.scenes import WorldClip
from stereocast.training.scenes.draws import Draws
from stereocast.training.settings import FIRST_HELD_OUT_SEED, LAST_TRAINING_SEED

LENGTH = 4  # frames of a clip
MOST_APART = 4  # frames of video between two of a clip
LATEST = 120  # frames of video before a clip begins
CLIPS = 3  # of one world: building it costs as much as some twenty frames
TRIES = 20
CLIP_STREAM = 71
"""Tells these draws from those of the world with the same seed."""


class Seen(Protocol):
    """One frame: rgb u8 [3, H, W], depth_m float32 [H, W], +inf for sky."""

    @property
    def rgb(self) -> Tensor:
        """The picture."""

    @property
    def depth_m(self) -> Tensor:
        """Along the optical axis."""


class Clip(Protocol):
    """Anything whose frames can be asked for by number; a cut lies between frames of two shots."""

    def frame(self, index: int) -> Seen:
        """Render a frame."""

    def shot_at(self, index: int) -> int:
        """Return which shot a frame is of."""


World = Callable[[int, int, int], Clip]
"""From a seed, a height and a width to what is filmed."""


def moments(seed: int, clip: Clip) -> list[list[int]]:
    """Return which frames of a world make its clips: evenly 1 to `MOST_APART` apart, of one shot.

    A few worlds that are cut too often give fewer clips.
    """
    draws = Draws(seed, CLIP_STREAM)
    found: list[list[int]] = []
    for _ in range(TRIES):
        apart, first = draws.whole(1, MOST_APART), draws.whole(0, LATEST)
        frames = [first + apart * number for number in range(LENGTH)]
        shots = {clip.shot_at(index) for index in range(frames[0], frames[-1] + 1)}
        if len(shots) == 1 and len(found) < CLIPS:
            found.append(frames)
    return found


def render_shards(
    folder: Path, seeds: range, *, size: tuple[int, int], worlds: int, world: World | None = None,
    told: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """Render the clips of worlds; a shard that is there already is not made again.

    size    (H, W)
    worlds  in a shard
    world   None: a `WorldClip`
    told    after every world

    Raises ConfigError for seeds that are neither all for training nor all held out.
    """
    check_seeds(seeds)
    told = told or (lambda: None)
    world = world or (lambda seed, height, width: WorldClip(seed, height=height, width=width))
    for first in range(seeds.start, seeds.stop, worlds):
        part = range(first, min(first + worlds, seeds.stop))
        name = f"worlds-{size[0]}x{size[1]}-{part.start:06d}-{part.stop:06d}"
        known = (folder / f"{name}.json").exists()
        colours, depths = [], []
        for seed in part:
            for frames in () if known else _clips(seed, world(seed, *size)):
                colours.append(torch.stack([frame.rgb for frame in frames]))
                depths.append(torch.stack([frame.depth_m for frame in frames]))
            told()
        if not known:
            facts = {"first_seed": part.start, "worlds": len(part)}
            write_shard(folder, name, torch.stack(colours), torch.stack(depths), facts)


def _clips(seed: int, clip: Clip) -> list[list[Seen]]:
    return [[clip.frame(index) for index in frames] for frames in moments(seed, clip)]


def check_seeds(seeds: range) -> None:
    """Raise ConfigError unless all seeds are for training or all are held out."""
    if not seeds or not (
        (seeds.start >= 0 and seeds[-1] <= LAST_TRAINING_SEED) or seeds.start >= FIRST_HELD_OUT_SEED
    ):
        raise ConfigError(
            f"clips: seeds are 0 to {LAST_TRAINING_SEED} for training, or from "
            f"{FIRST_HELD_OUT_SEED} on to be held out; got {seeds.start} to {seeds.stop - 1}"
        )
