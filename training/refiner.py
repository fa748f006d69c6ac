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
from stereocast.engine.refine.reliability import Reliability, calibration_of
from stereocast.engine.refine.scales import MetricScale, RelativeScale
from stereocast.engine.refine.step import Memory, Refined, Refiner, Tuning
from stereocast.training import checkpoint
from stereocast.training.refine_batches import Batch, draw_batch
from stereocast.training.refine_clips import ClipCache
from stereocast.training.refine_losses import FrameMaps, LossWeights, Parts, frame_loss
from stereocast.training.refine_settings import RefinerSettings
from stereocast.training.refine_truth import in_measure
from stereocast.training.teachers import SaidCache

SAYS_ITSELF = Reliability(constant=0.0, slope=0.0, change=0.0, own=1.0)
"""For teachers whose own estimate is calibrated."""
_EMPHASISED_FROM = 4  # frames of a window: before, the history is short
_LOG_STEPS = 10
_TEACHER = 4  # of a memory's maps


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
    """A network, its optimiser, and how far they are.

    said  what the teacher that the settings name says of its clips; None: they name none
    """

    def __init__(
        self, settings: RefinerSettings, clips: ClipCache, said: SaidCache | None = None
    ) -> None:
        if settings.teacher is not None and said is None:
            raise ConfigError(
                f"the settings name a teacher, {settings.teacher.model}: hand it over"
            )
        self.settings = settings
        self.taken = 0
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            self.network = RefineNetwork(settings.core)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self._clips, self._said = clips, said
        said_of = calibration_of(settings.teacher.model) if settings.teacher else None
        self._reliability = said_of or Reliability()
        self._optimiser = torch.optim.AdamW(_groups(self.network, settings), lr=settings.rate)
        self._weights = self._own_weights = LossWeights(settings.new, temporal=settings.temporal)
        if settings.teacher is not None:
            self._own_weights = replace(
                self._weights, temporal=settings.teacher.temporal, reach=settings.teacher.reach
            )

    def step(self) -> StepLog:
        """Take one step and say what it was."""
        batch = draw_batch(self.settings, self._clips, self._said, self.taken)
        for group in self._optimiser.param_groups:
            group["lr"] = _rate(self.settings, self.taken)
        refined, parts = self._forward(batch)
        loss = sum((part.total() for part in parts), torch.zeros(())) / len(parts)
        self._optimiser.zero_grad(set_to_none=True)
        (self._weight_of(batch) * loss).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_gradient)
        self._optimiser.step()
        self.taken += 1
        self._fold_average()
        return _log(self.taken, loss, parts, refined)

    def _forward(self, batch: Batch) -> tuple[Refined, list[Parts]]:
        """Return the last frame's result and the loss of every frame that counts."""
        refiner = self._refiner(batch)
        count, *size = batch.frames[0].depth.shape
        memory = refiner.init(count, (size[0], size[1]))
        seen: list[tuple[Memory[Any], Refined]] = []
        for index, frame in enumerate(batch.frames):
            memory = _cut(memory, batch.cut[index])
            with torch.set_grad_enabled(index >= self.settings.burn_in):
                memory, refined = refiner.step(memory, frame)
            seen.append((memory, refined))
        memories, results = zip(*seen[self.settings.burn_in :], strict=True)
        truth = in_measure(batch.truth[self.settings.burn_in :], memories, results)
        weights = self._own_weights if batch.relative else self._weights
        parts: list[Parts] = []
        before: tuple[Tensor, Tensor] | None = None
        for memory, refined, exact in zip(memories, results, truth, strict=True):
            teacher = memory.maps[:, _TEACHER].detach()
            maps = FrameMaps(
                refined.answer, exact, teacher, refined.confidence, refined.change, before
            )
            late = len(parts) >= _EMPHASISED_FROM
            parts.append(frame_loss(maps, weights, emphasis=2.0 if late else 1.0))
            before = refined.answer, exact
        return refined, parts

    def _refiner(self, batch: Batch) -> Refiner:
        """Return the step in the measure of a batch's teacher, with what is known of its errors."""
        if batch.relative:
            return Refiner(RelativeScale(), Tuning(reliability=self._reliability), self.network)
        has_own = batch.frames[0].own is not None
        tuning = Tuning(reliability=SAYS_ITSELF if has_own else Reliability())
        return Refiner(MetricScale(), tuning, self.network)

    def _weight_of(self, batch: Batch) -> float:
        teacher = self.settings.teacher
        return teacher.weight if teacher is not None and batch.relative else 1.0

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
