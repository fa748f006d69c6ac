"""One frame of the refiner: the very function that is trained and that runs in the product.

moved history ─► confidence ─► global stage ─► gain ─► (network) ─► blend within a bound ─► reset?

All on batches [B, …] of log depth; what is metres and what is not, scales.py knows; watching the
result over seconds is watch.py's business. Nothing here branches on a value: a reset is a select.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from stereocast.engine.refine.motion import carried, source_cells
from stereocast.engine.refine.reliability import Reliability
from stereocast.engine.refine.scales import SPARSE, Scale, Views, weighted_offset
from stereocast.kernels import refine

S = TypeVar("S")

LONGEST_GAP_S = 0.25
"""After a longer pause the history says nothing."""
_SAME = 0.05  # picture error below which history and picture are taken to be the same thing
_OTHER_SCENE = 0.35  # median innovation, log units, that no scene shows twice
_LEVEL_MEMORY = 0.1


@dataclass(frozen=True)
class Tuning:
    """What the step is told once."""

    gate: int = 4
    alpha: float = 0.12
    gamma: float = 0.3
    reliability: Reliability = field(default_factory=Reliability)


@dataclass(frozen=True)
class Observation:
    """What is measured of a frame before anything is decided.

    depth    float32 [B, h, w], in the teacher's measure
    picture  u8 [B, 3, h, w], on the same grid
    flow     float32 [B, 2, ⌈h/2⌉, ⌈w/2⌉], backward motion since the frame before
    dt       float32 [B], seconds since then
    calm     float32 [B], 1; less while the history is re-anchored to the teacher
    own      float32 [B, h, w], the teacher's estimate of its own error; None: it has none
    """

    depth: Tensor
    picture: Tensor
    flow: Tensor
    dt: Tensor
    calm: Tensor
    own: Tensor | None = None


@dataclass(frozen=True)
class Memory(Generic[S]):
    """What a stream's frames leave behind.

    maps     float32 [B, 5, h, w]: log depth, its variance, its length of history in frames,
             confidence, and the teacher's log depth
    picture  u8 [B, 3, h, w]
    scale    of the measure of depth
    network  what the network remembers, [B · cells, …] each; empty without one
    stale    bool [B], what it remembers is of another scene, and counts for nothing
    level    float32 [B], running median of log depth
    frames   int64 [B], since the reset
    """

    maps: Tensor
    picture: Tensor
    scale: S
    network: tuple[Tensor, ...]
    stale: Tensor
    level: Tensor
    frames: Tensor


class Refined(NamedTuple):
    """What a step decided, for losses and reports; maps [B, h, w].

    answer      log depth
    aligned     log depth of the teacher without its wobble
    confidence  in the teacher
    gain        before the network's correction
    change      answer − aligned
    hits        bool: where the bound was hit
    error       of the picture explained by its history
    reset       bool [B]
    """

    answer: Tensor
    aligned: Tensor
    confidence: Tensor
    gain: Tensor
    change: Tensor
    hits: Tensor
    error: Tensor
    reset: Tensor


class Corrector(Protocol):
    """A network that corrects the filter."""

    def init(self, batch: int, grid: tuple[int, int]) -> tuple[Tensor, ...]:
        """Return what it remembers before the first frame."""

    def correct(
        self, memory: tuple[Tensor, ...], source: Tensor, features: Tensor, guide: Tensor
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return its new memory and [B, 2, h, w]: a logit for the gain, and a residual.

        source    int64 [B · cells], whose memory each cell continues; −1: nobody's, zeros
        features  [B, 9, ⌈h/4⌉, ⌈w/4⌉], see `kernels.refine.features`
        guide     [B, 4, h, w]: confidence, 10 innovation, 10 |innovation|, 10 error
        """


@dataclass(frozen=True)
class Refiner:
    """The step and what it is made of."""

    scale: Scale[Any]
    tuning: Tuning
    corrector: Corrector | None = None

    def init(self, batch: int, grid: tuple[int, int]) -> Memory[Any]:
        """Return the memory before the first frame."""
        network = () if self.corrector is None else self.corrector.init(batch, grid)
        return Memory(
            maps=torch.zeros(batch, 5, *grid),
            picture=torch.zeros(batch, 3, *grid, dtype=torch.uint8),
            scale=self.scale.init(batch),
            network=network,
            stale=torch.zeros(batch, dtype=torch.bool),
            level=torch.zeros(batch),
            frames=torch.zeros(batch, dtype=torch.int64),
        )

    def step(self, memory: Memory[Any], x: Observation) -> tuple[Memory[Any], Refined]:
        """Return the new memory and what became of the frame."""
        sound = _is_finite(memory.maps, memory.level[:, None])
        known = (memory.frames > 0) & sound
        maps, inside = carried(memory.maps, x.flow)
        maps = torch.where(sound[:, None, None, None], maps, 0.0)
        history, variance, length, confidence, teacher_before = maps.unbind(1)
        error = refine.picture_error(carried(memory.picture, x.flow)[0], x.picture, inside)
        scale, teacher = self.scale.enter(memory.scale, x.depth, x.dt)
        teacher = torch.where(teacher.isnan(), history, teacher)
        same = (error < _SAME).float()
        change = teacher - teacher_before
        change = change - weighted_offset(teacher_before, teacher, same)[:, None, None]
        change = torch.where(known[:, None, None], change, 0.0)
        sigma = self.tuning.reliability.sigma(teacher, change, x.own)
        confidence = refine.confidence(sigma, before=confidence, history=length)
        seen = Views(history, teacher, same * (confidence + 0.02), x.dt, known, x.calm)
        scale, history, aligned = self.scale.align(scale, seen)
        gain, grown = refine.predict(
            history, aligned, variance=variance, confidence=confidence, error=error,
            frames=30 * x.dt, gate=self.tuning.gate,
        )  # fmt: skip
        gain = torch.lerp(gain.clamp_min(0.5), gain, x.calm[:, None, None])
        middle = aligned.detach()[:, ::SPARSE, ::SPARSE].flatten(1).median(1).values
        level = torch.where(known, torch.lerp(memory.level, middle, _LEVEL_MEMORY), middle)
        network, correction = self._correction(
            memory, x, _Prior(history, aligned, confidence, error, length, level)
        )
        limits = (self.tuning.alpha, self.scale.nearest_m, self.tuning.gamma)
        limit = refine.bound(aligned, confidence, limits)
        answer, variance, length, hits = refine.fuse(
            history, aligned, grown=grown, gain=gain, length=length, limit=limit,
            correction=correction,
        )  # fmt: skip
        reset = ~known | (x.dt > LONGEST_GAP_S) | _is_other_scene(history, aligned)
        # Of what a network remembers, any number that is none has reached its correction.
        told = () if correction is None else (correction,)
        reset = reset | ~_is_finite(answer, variance, *told)
        fresh = (teacher, refine.variance_after_reset(confidence), torch.zeros_like(length))
        at = reset[:, None, None]
        answer, variance, length = (
            torch.where(at, new, old)
            for new, old in zip(fresh, (answer, variance, length), strict=True)
        )
        aligned = torch.where(at, teacher, aligned)
        kept = Memory(
            torch.stack((answer, variance, length, confidence, teacher), 1), x.picture,
            self.scale.forget(scale, reset), network, reset, level, memory.frames + 1,
        )  # fmt: skip
        refined = Refined(
            answer, aligned, confidence, gain, answer - aligned, hits & ~at, error, reset
        )
        return kept, refined

    def _correction(
        self, memory: Memory[Any], x: Observation, prior: _Prior
    ) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """Ask the network, if there is one."""
        if self.corrector is None:
            return (), None
        level = prior.level[:, None, None]
        features = refine.features(
            prior.teacher - level, prior.history - level, confidence=prior.confidence,
            error=prior.error, length=prior.length,
            luma=(refine.grey(x.picture), refine.grey(memory.picture)),
        )  # fmt: skip
        innovation = 10 * (prior.history - prior.teacher)
        guide = (prior.confidence, innovation, innovation.abs(), 10 * prior.error)
        source = source_cells(x.flow, (features.shape[2], features.shape[3]), memory.stale)
        return self.corrector.correct(memory.network, source, features, torch.stack(guide, 1))


@dataclass(frozen=True)
class _Prior:
    """What the filter knows before the network is asked; maps [B, h, w], level [B]."""

    history: Tensor
    teacher: Tensor
    confidence: Tensor
    error: Tensor
    length: Tensor
    level: Tensor


def _is_other_scene(history: Tensor, teacher: Tensor) -> Tensor:
    """Return where, bool [B], history and teacher have nothing in common."""
    difference = (history - teacher).detach()[:, ::SPARSE, ::SPARSE].flatten(1)
    return difference.abs().median(1).values > _OTHER_SCENE


def _is_finite(*states: Tensor) -> Tensor:
    """Return where, bool [B], the states hold nothing but numbers.

    A sum tells: it is cheaper than looking at each, and one that is no number makes it another.
    """
    batch = states[0].shape[0]
    sums = [state.detach().reshape(batch, -1).float().sum(1) for state in states]
    return torch.stack(sums).sum(0).isfinite()
