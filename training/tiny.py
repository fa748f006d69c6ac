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
from torch import nn

from stereocast.engine.depth.tiny.network import LEVEL, TinyDepth
from stereocast.engine.depth.tiny.weights import save_network
from stereocast.engine.errors import ConfigError
from stereocast.training import checkpoint
from stereocast.training.data import ClipShards
from stereocast.training.losses import depth_loss, gradient_loss, temporal_loss
from stereocast.training.muon import Muon
from stereocast.training.settings import TinySettings
from stereocast.training.tiny_batches import Ahead, Example, example

LATE = 2 / 3  # of all steps, after which edges count for more


@dataclass(frozen=True)
class Losses:
    """The parts of the loss of one step, and their weighted sum."""

    total: float
    depth: float
    gradient: float
    temporal: float


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
        hidden, others = _kinds(self.network)
        self.optimisers: tuple[torch.optim.Optimizer, ...] = (
            Muon(hidden, lr=settings.rate, decay=settings.decay),
            torch.optim.AdamW(others, lr=settings.rate, weight_decay=0.0),
        )

    def step(self, ready: Example | None = None) -> Losses:
        """Take one step and return what was lost in it; `ready`: its example, where it is made."""
        shown = ready or self.example(self.taken)
        rate = learning_rate(self.settings, self.taken)
        for optimiser in self.optimisers:
            optimiser.param_groups[0]["lr"] = rate
        length = shown.target.shape[1]
        with torch.autocast("cpu", torch.bfloat16):
            depth = self.network.clips(shown.image, shown.motion, length, shown.visible)
        depth = depth.float().view(shown.target.shape) - LEVEL
        late = self.taken >= LATE * self.settings.steps
        parts = (
            depth_loss(depth, shown.target),
            gradient_loss(depth, shown.target),
            temporal_loss(depth, shown.target),
        )
        edges = self.settings.late_gradient if late else self.settings.gradient
        total = parts[0] + edges * parts[1] + self.settings.temporal * parts[2]
        self.network.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.taken += 1
        self._follow()
        return Losses(*(float(part.detach()) for part in (total, *parts)))

    def example(self, step: int) -> Example:
        """Return the batch of a step: the same for the same settings, step and shards."""
        return example(self.settings, self.clips, step)

    def save(self, path: Path) -> None:
        """Write all that `restore` needs."""
        content = {
            "settings": asdict(self.settings),
            "taken": self.taken,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
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
        for optimiser, state in zip(self.optimisers, content["optimisers"], strict=True):
            optimiser.load_state_dict(state)

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
    """Return the rate of a step: a linear warm-up, then a cosine to the last one."""
    warm = min(1.0, (step + 1) / settings.warm_up)
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / settings.steps))
    return settings.rate * warm * (settings.last_rate + (1 - settings.last_rate) * cosine)


def train(
    training: TinyTraining, folder: Path, *, told: Callable[[int, Losses], None], until: int | None
) -> None:
    """Take the remaining steps, writing checkpoints and a line per step into `folder`.

    until  stop before this step; None: at the end
    """
    last = training.settings.steps if until is None else min(until, training.settings.steps)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "log.jsonl").open("a", encoding="utf-8") as log,
        Ahead(training.example) as ahead,
    ):
        while training.taken < last:
            saves = (training.taken + 1) % training.settings.save_steps == 0
            further = not saves and training.taken + 1 < last  # shards are looked for in between
            losses = training.step(ahead.take(training.taken, further=further))
            line = {"step": training.taken, "clips": len(training.clips)} | asdict(losses)
            log.write(json.dumps(line) + "\n")
            log.flush()
            told(training.taken, losses)
            if training.taken % training.settings.save_steps == 0 or training.taken == last:
                training.save(folder / "checkpoint.pt")
                save_network(training.average, folder / f"weights-{training.taken:06d}.safetensors")
                training.clips.look_again()


def _kinds(network: TinyDepth) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the weights of hidden layers, and all other parameters."""
    ends = ("stem", "answer")
    hidden = [
        parameter
        for name, parameter in network.named_parameters()
        if parameter.ndim > 1 and name.split(".")[0] not in ends and "age_scores" not in name
    ]
    chosen = {id(parameter) for parameter in hidden}
    return hidden, [each for each in network.parameters() if id(each) not in chosen]
