"""The training of the built-in depth network: batches, one step, and the loop around it.

Everything random in a step is drawn from a generator seeded by (seed, step), so a training that is
continued from a checkpoint takes the very steps that it would have taken.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from stereocast.engine.depth.tiny import motion
from stereocast.engine.depth.tiny.network import LEVEL, TinyDepth
from stereocast.engine.depth.tiny.weights import save_network
from stereocast.engine.errors import ConfigError
from stereocast.training import checkpoint
from stereocast.training.augment import augment
from stereocast.training.data import ClipShards
from stereocast.training.losses import depth_loss, gradient_loss, normalised, temporal_loss
from stereocast.training.settings import TinySettings

STORED_LAGS = (1, 3)
"""Frames of a clip on disk between which motion is measured; those lie 1 to 4 frames of video
apart, so this stands for `motion.LAGS`."""
SIDE = 4  # pixels: sizes under jitter are multiples of it
LAST_RATE = 0.01  # of the greatest
LATE = 2 / 3  # of all steps, after which edges count for more


@dataclass(frozen=True)
class Losses:
    """The parts of the loss of one step, and their weighted sum."""

    total: float
    depth: float
    gradient: float
    temporal: float


@dataclass(frozen=True)
class Example:
    """A batch as the network takes it.

    image   float32 [N·T, 3, h, w]; motion [N·T, C, ⌈h/4⌉, ⌈w/4⌉]
    visible bool [N], False: every frame is a first one
    target  float32 [N, T, ⌈h/2⌉, ⌈w/2⌉], normalised
    """

    image: Tensor
    motion: Tensor
    visible: Tensor
    target: Tensor


class TinyTraining:
    """A training as it stands: network, mean of its weights, optimiser, steps taken.

    begin  a network whose weights to start from; None: random ones
    """

    def __init__(
        self, settings: TinySettings, clips: ClipShards, begin: TinyDepth | None = None
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.clips, self.taken = settings, clips, 0
        network = TinyDepth().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network: TinyDepth = network.train()
        if begin is not None:
            self.network.load_state_dict(begin.state_dict())
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": settings.decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.rate)

    def step(self) -> Losses:
        """Take one step and return what was lost in it."""
        example = self.example(self.taken)
        rate = learning_rate(self.settings, self.taken)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        length = self.settings.frames
        with torch.autocast("cpu", torch.bfloat16):
            depth = self.network.clips(example.image, example.motion, length, example.visible)
        depth = depth.float().view(example.target.shape) - LEVEL
        late = self.taken >= LATE * self.settings.steps
        parts = (
            depth_loss(depth, example.target),
            gradient_loss(depth, example.target),
            temporal_loss(depth, example.target),
        )
        edges = self.settings.late_gradient if late else self.settings.gradient
        total = parts[0] + edges * parts[1] + self.settings.temporal * parts[2]
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.taken += 1
        self._follow()
        return Losses(*(float(part.detach()) for part in (total, *parts)))

    def example(self, step: int) -> Example:
        """Return the batch of a step: the same for the same settings, step and shards."""
        settings, phase = self.settings, self.settings.phase_at(step)
        draw = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        scale = 1 + phase.jitter * (2 * float(torch.rand(1, generator=draw)) - 1)
        size = (_side(phase.height, scale), _side(phase.width, scale))
        numbers = self._numbers(step, phase.clips)
        batch = self.clips.batch(numbers, size, draw, settings.frames)
        seen = augment(batch.rgb, draw)
        bars = seen.bars[..., ::2, ::2].expand_as(batch.inverse_depth)
        target = normalised(batch.inverse_depth, ~bars)
        drawn = torch.rand(len(numbers), generator=draw)
        visible = drawn >= settings.still_share
        flows = drawn >= settings.still_share + settings.no_flow_share
        moved = clip_motion(seen.rgb, visible, flows)
        image = seen.rgb.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return Example(image, moved, visible, target)

    def save(self, path: Path) -> None:
        """Write all that `restore` needs."""
        content = {
            "settings": asdict(self.settings),
            "taken": self.taken,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        checkpoint.save(path, content)

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint: the next step is the one that came next there."""
        content = checkpoint.load(path)
        if content["settings"]["seed"] != self.settings.seed:
            raise ConfigError(f"{path}: was begun with another seed; take another --out")
        self.taken = content["taken"]
        self.network.load_state_dict(content["network"])
        self.average.load_state_dict(content["average"])
        self.optimiser.load_state_dict(content["optimiser"])

    def _numbers(self, step: int, count: int) -> list[int]:
        """Return which clips make the batch: each once, in an order of its own in every epoch."""
        first = step * count
        total = len(self.clips)
        return [
            _shuffled(place, total, self.settings.seed) for place in range(first, first + count)
        ]

    @torch.no_grad()
    def _follow(self) -> None:
        """Draw the mean of the weights towards them; at first it is nearly the weights."""
        decay = min(self.settings.average, self.taken / (self.taken + 10))
        mine = self.average.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                mine[name].lerp_(value, 1 - decay)
            else:
                mine[name].copy_(value)


def learning_rate(settings: TinySettings, step: int) -> float:
    """Return the rate of a step: a linear warm-up, then a cosine to `LAST_RATE` of the greatest."""
    warm = min(1.0, (step + 1) / settings.warm_up)
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / settings.steps))
    return settings.rate * warm * (LAST_RATE + (1 - LAST_RATE) * cosine)


def clip_motion(rgb: Tensor, visible: Tensor, flows: Tensor) -> Tensor:
    """Return the motion channels [N·T, C, ⌈h/4⌉, ⌈w/4⌉] of clips [N, T, 3, h, w].

    visible, flows  bool [N]: False where frames know nothing of those before, or nothing of motion
    """
    clips, length = rgb.shape[:2]
    small = motion.small_grey(rgb.flatten(0, 1)).view(clips, length, -(-rgb.shape[3] // 2), -1)
    height, width = (-(-side // 2) for side in small.shape[-2:])
    result = torch.zeros(clips, length, motion.CHANNELS, height, width)
    for clip in range(clips):
        if not visible[clip]:
            continue
        before, now = small[clip, :-1], small[clip, 1:]
        result[clip, 1:, -1:] = motion.change(before, now)
        if not flows[clip]:
            continue
        for number, lag in enumerate(STORED_LAGS):
            pairs = [
                motion.match(small[clip, max(frame - lag, 0)], small[clip, frame])
                for frame in range(1, length)
            ]
            channels = motion.cues(
                torch.stack([flow for flow, _ in pairs]), torch.stack([sure for _, sure in pairs])
            )
            at = number * motion.CHANNELS_PER_LAG
            result[clip, 1:, at : at + motion.CHANNELS_PER_LAG] = channels
    return result.flatten(0, 1)


def train(
    training: TinyTraining, folder: Path, *, told: Callable[[int, Losses], None], until: int | None
) -> None:
    """Take the remaining steps, writing checkpoints and a line per step into `folder`.

    until  stop before this step; None: at the end
    """
    last = training.settings.steps if until is None else min(until, training.settings.steps)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        while training.taken < last:
            losses = training.step()
            line = {"step": training.taken, "clips": len(training.clips)} | asdict(losses)
            log.write(json.dumps(line) + "\n")
            log.flush()
            told(training.taken, losses)
            if training.taken % training.settings.save_steps == 0 or training.taken == last:
                training.save(folder / "checkpoint.pt")
                save_network(training.average, folder / f"weights-{training.taken:06d}.safetensors")
                training.clips.look_again()


def _side(side: int, scale: float) -> int:
    return max(round(side * scale / SIDE) * SIDE, 32)


def _shuffled(place: int, total: int, seed: int) -> int:
    """Return the clip at a place of an endless order in which every epoch has each clip once.

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
