"""What the built-in network is shown in a step: pictures, how they move, and the truth.

Everything random in a step is drawn from a generator seeded by (seed, step).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import Tensor

from stereocast.engine.depth.tiny import motion
from stereocast.training.augment import augment
from stereocast.training.data import ClipShards
from stereocast.training.losses import normalised
from stereocast.training.settings import TinySettings

STORED_LAGS = (1, 3)
"""Frames of a clip on disk between which motion is measured; those lie 1 to 4 frames of video
apart, so this stands for `motion.LAGS`."""
SIDE = 4  # pixels: sizes under jitter are multiples of it


@dataclass(frozen=True)
class Example:
    """A batch as the network takes it: the last `frames` frames of every clip.

    image   float32 [N·T, 3, h, w]; motion [N·T, C, ⌈h/4⌉, ⌈w/4⌉]
    visible bool [N], False: every frame is a first one
    target  float32 [N, T, ⌈h/2⌉, ⌈w/2⌉], normalised
    """

    image: Tensor
    motion: Tensor
    visible: Tensor
    target: Tensor


def example(settings: TinySettings, clips: ClipShards, step: int) -> Example:
    """Return the batch of a step: the same for the same settings, step and shards.

    Motion is measured on the rendered frames, which have noise and compression of their own; only
    what the network sees is augmented further.
    """
    phase = settings.phase_at(step)
    draw = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    scale = 1 + phase.jitter * (2 * float(torch.rand(1, generator=draw)) - 1)
    size = (_side(phase.height, scale), _side(phase.width, scale))
    numbers = order(settings.seed, step * phase.clips, phase.clips, len(clips))
    batch = clips.batch(numbers, size, draw, least=settings.least_crop)
    seen = augment(batch.rgb[:, -phase.frames :], draw)
    maps = batch.inverse_depth[:, -phase.frames :]
    bars = seen.bars[..., ::2, ::2].expand_as(maps)
    drawn = torch.rand(len(numbers), generator=draw)
    visible = drawn >= settings.still_share
    flows = drawn >= settings.still_share + settings.no_flow_share
    moved = clip_motion(batch.rgb, phase.frames, visible, flows)
    image = seen.rgb.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    return Example(image, moved, visible, normalised(maps, ~bars))


def clip_motion(rgb: Tensor, frames: int, visible: Tensor, flows: Tensor) -> Tensor:
    """Return the motion channels [N·frames, C, ⌈h/4⌉, ⌈w/4⌉] of the last frames of each clip.

    rgb  [N, T, 3, h, w], what lies before the last `frames` included
    visible, flows  bool [N]: False where frames know nothing of those before, or nothing of motion
    """
    clips, length = rgb.shape[:2]
    small = motion.small_grey(rgb.flatten(0, 1)).view(clips, length, -(-rgb.shape[3] // 2), -1)
    height, width = (-(-side // 2) for side in small.shape[-2:])
    first = max(length - frames, 1)  # of those that have one before
    at = first - (length - frames)
    result = torch.zeros(clips, frames, motion.CHANNELS, height, width)
    for clip in visible.nonzero().flatten().tolist():
        result[clip, at:, -1:] = motion.change(small[clip, first - 1 : -1], small[clip, first:])
    for number, lag in enumerate(STORED_LAGS):
        moving = (visible & flows).nonzero().flatten().tolist()
        pairs = [
            motion.match(small[clip, max(frame - lag, 0)], small[clip, frame])
            for clip in moving
            for frame in range(first, length)
        ]
        if not pairs:
            continue
        channels = motion.cues(
            torch.stack([flow for flow, _ in pairs]), torch.stack([sure for _, sure in pairs])
        )
        kind = slice(number * motion.CHANNELS_PER_LAG, (number + 1) * motion.CHANNELS_PER_LAG)
        result[moving, at:, kind] = channels.view(len(moving), -1, *channels.shape[1:])
    return result.flatten(0, 1)


def order(seed: int, first: int, count: int, total: int) -> list[int]:
    """Return clips `first` and on of an endless order in which every epoch has each clip once."""
    return [_shuffled(place, total, seed) for place in range(first, first + count)]


class Ahead:
    """Makes what the next step needs in a thread of its own, while this step is taken.

    make  from a step's number to its example; nothing it reads may change meanwhile
    """

    def __init__(self, make: Callable[[int], Example]) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="examples")
        self._waiting: dict[int, Future[Example]] = {}

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._pool.shutdown(cancel_futures=True)

    def take(self, step: int, *, further: bool) -> Example:
        """Return the example of a step; with `further`, begin that of the next."""
        ready = self._waiting.pop(step, None) or self._pool.submit(self._make, step)
        self._waiting = {step + 1: self._pool.submit(self._make, step + 1)} if further else {}
        return ready.result()


def _side(side: int, scale: float) -> int:
    return max(round(side * scale / SIDE) * SIDE, 32)


def _shuffled(place: int, total: int, seed: int) -> int:
    """Return the clip at a place of the endless order.

    A permutation without memory: odd multipliers modulo a power of two, walked until inside.
    """
    epoch, within = divmod(place, total)
    bits = max((total - 1).bit_length(), 1)
    mask = (1 << bits) - 1
    key = (seed * 0x9E3779B1 + epoch * 0x85EBCA6B) & 0xFFFFFFFF
    value = within
    while True:
        for turn in range(3):
            value = (value * (((key >> turn) | 1) | 4) + (key >> (8 + turn))) & mask
            value ^= value >> max(bits // 2, 1)
        if value < total:
            return value
