"""Training of the refiner's network: back-propagation through the very step of the product.

A batch depends on the seed and the number of its step alone, so that a training that was stopped
continues exactly. What is drawn is in refine_batches.py, what counts in refine_losses.py.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stereocast.engine.errors import ConfigError
from stereocast.engine.refine.network import RefineNetwork
from stereocast.engine.refine.reliability import Reliability
from stereocast.engine.refine.scales import MetricScale
from stereocast.engine.refine.step import Memory, Refined, Refiner, Tuning
from stereocast.training import checkpoint
from stereocast.training.refine_batches import Batch, draw_batch
from stereocast.training.refine_clips import ClipCache
from stereocast.training.refine_losses import FrameMaps, LossWeights, Parts, frame_loss
from stereocast.training.refine_settings import RefinerSettings

SAYS_ITSELF = Reliability(constant=0.0, slope=0.0, change=0.0, own=1.0)
"""For teachers whose own estimate is calibrated."""
_EMPHASISED_FROM = 4  # frames of a window: before, the history is short
_LOG_STEPS = 10


@dataclass(frozen=True)
class StepLog:
    """What a step was, for logs.

    total, depth, temporal, residual  the loss and its parts
    change   mean |d|, log units
    clamped  share of pixels that hit the bound
    doubt    correlation of |d| and 1 − confidence
    """

    step: int
    total: float
    depth: float
    temporal: float
    residual: float
    change: float
    clamped: float
    doubt: float


class RefinerTraining:
    """A network, its optimiser, and how far they are."""

    def __init__(self, settings: RefinerSettings, clips: ClipCache) -> None:
        self.settings = settings
        self.taken = 0
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            self.network = RefineNetwork(settings.core)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self._clips = clips
        self._optimiser = torch.optim.AdamW(_groups(self.network, settings), lr=settings.rate)
        self._weights = LossWeights(temporal=settings.temporal, new=settings.new)

    def step(self) -> StepLog:
        """Take one step and say what it was."""
        batch = draw_batch(self.settings, self._clips, self.taken)
        for group in self._optimiser.param_groups:
            group["lr"] = _rate(self.settings, self.taken)
        refined, parts = self._forward(batch)
        loss = sum((part.total() for part in parts), torch.zeros(())) / len(parts)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_gradient)
        self._optimiser.step()
        self.taken += 1
        self._fold_average()
        return _log(self.taken, loss, parts, refined)

    def _forward(self, batch: Batch) -> tuple[Refined, list[Parts]]:
        """Return the last frame's result and the loss of every frame that counts."""
        has_own = batch.frames[0].own is not None
        tuning = Tuning(reliability=SAYS_ITSELF if has_own else Reliability())
        refiner = Refiner(MetricScale(), tuning, self.network)
        size = batch.frames[0].depth.shape
        memory = refiner.init(size[0], (size[1], size[2]))
        with torch.no_grad():
            for index in range(self.settings.burn_in):
                memory = _cut(memory, batch.cut[index])
                memory, refined = refiner.step(memory, batch.frames[index])
        parts: list[Parts] = []
        before: tuple[Tensor, Tensor] | None = None
        for index in range(self.settings.burn_in, len(batch.frames)):
            memory = _cut(memory, batch.cut[index])
            memory, refined = refiner.step(memory, batch.frames[index])
            truth = batch.truth[index]
            maps = FrameMaps(
                refined.answer, truth, batch.frames[index].depth.log(), refined.confidence,
                refined.change, before,
            )  # fmt: skip
            late = len(parts) >= _EMPHASISED_FROM
            parts.append(frame_loss(maps, self._weights, emphasis=2.0 if late else 1.0))
            before = refined.answer, truth
        return refined, parts

    def _fold_average(self) -> None:
        keep = min(self.settings.average, self.taken / (self.taken + 20))
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
            for kept, new in pairs:
                kept.lerp_(new, 1 - keep)

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on."""
        content = {
            "settings": asdict(self.settings), "taken": self.taken,
            "network": self.network.state_dict(), "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }  # fmt: skip
        checkpoint.save(path, content)

    def restore(self, path: Path) -> None:
        """Continue where `save` was called. Raises ConfigError if the settings are others."""
        content: dict[str, Any] = checkpoint.load(path)
        if content["settings"] != asdict(self.settings):
            raise ConfigError(f"{path}: was begun with other settings; choose another --out")
        self.taken = content["taken"]
        self.network.load_state_dict(content["network"])
        self.average.load_state_dict(content["average"])
        self._optimiser.load_state_dict(content["optimiser"])


def train(
    training: RefinerTraining, out: Path, *, told: Callable[[StepLog], None],
    until: int | None = None,
) -> None:  # fmt: skip
    """Take the steps that are left, up to `until`; checkpoints, and a line of log.csv each ten."""
    out.mkdir(parents=True, exist_ok=True)
    last = min(until or training.settings.steps, training.settings.steps)
    while training.taken < last:
        log = training.step()
        told(log)
        if log.step % _LOG_STEPS == 0:
            _write(out / "log.csv", log)
        if log.step % training.settings.save_steps == 0 or log.step == last:
            training.save(out / "checkpoint.pt")


def _write(path: Path, log: StepLog) -> None:
    is_new = not path.exists()
    with path.open("a", encoding="utf-8") as file:
        if is_new:
            file.write(",".join(asdict(log)) + "\n")
        file.write(",".join(f"{value:.6g}" for value in asdict(log).values()) + "\n")


def _cut(memory: Memory[Any], cut: Tensor) -> Memory[Any]:
    """Reset the clips, bool [B], in which the scene detector sees a cut."""
    return replace(memory, frames=torch.where(cut, 0, memory.frames))


def _groups(network: RefineNetwork, settings: RefinerSettings) -> list[dict[str, Any]]:
    free = {id(parameter) for parameter in network.undecayed()}
    decayed = [p for p in network.parameters() if id(p) not in free]
    groups = [{"params": decayed, "weight_decay": settings.decay}]
    undecayed = list(network.undecayed())
    return [*groups, {"params": undecayed, "weight_decay": 0.0}] if undecayed else groups


def _rate(settings: RefinerSettings, step: int) -> float:
    warm = min(1.0, (step + 1) / settings.warm_up)
    return settings.rate * warm * 0.5 * (1 + math.cos(math.pi * step / settings.steps))


def _log(step: int, loss: Tensor, parts: list[Parts], last: Refined) -> StepLog:
    count = len(parts)
    change, doubt = last.change.detach().abs().flatten(), 1 - last.confidence.detach().flatten()
    pair = torch.corrcoef(torch.stack((change, doubt)))[0, 1].nan_to_num()
    return StepLog(
        step,
        float(loss.detach()),
        sum(float(part.depth.detach()) for part in parts) / count,
        sum(float(part.temporal.detach()) for part in parts) / count,
        sum(float(part.residual.detach()) for part in parts) / count,
        float(change.mean()),
        float(last.hits.float().mean()),
        float(pair),
    )
