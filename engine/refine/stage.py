"""The refiner as a stage of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from stereocast.engine.models import Output
from stereocast.engine.refine import watch
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.reliability import Reliability
from stereocast.engine.refine.scales import scale_for
from stereocast.engine.refine.step import Corrector, Memory, Observation, Refiner, Tuning
from stereocast.engine.stage import prime
from stereocast.kernels.flow import block_matching
from stereocast.kernels.preprocess import to_network

State = TypeVar("State")


@dataclass(frozen=True)
class RefineInput:
    """rgb u8 [3, H, W]; depth float32 [h, w] of the teacher; dt float32 [1], seconds."""

    rgb: Tensor
    depth: Tensor
    dt: Tensor


class RefineStage(Protocol[State]):
    """Steady depth over time; keeps the law of state, see `engine.stage`."""

    def init(self) -> State:
        """Return the state before the first frame."""

    def step(self, state: State, x: RefineInput) -> tuple[State, Tensor]:
        """Return the new state and depth [h, w] in the teacher's measure."""

    def reset(self, state: State) -> State:
        """Forget every frame, in place: what follows is as after `init`."""

    def reading(self, state: State) -> Tensor | None:
        """Return what is known after the last frame, see `RefineReading`; None: nothing is."""


@dataclass(frozen=True)
class RefineState:
    """What the step remembers, and what is watched over seconds."""

    memory: Memory[Any]
    watch: watch.WatchState


class TemporalRefiner:
    """The refine stage of `refine.mode = classic` and `net`.

    The first frame after a reset passes as it is; so does one after a pause, or one that has
    nothing in common with the history, whatever the scene detector thought of it.
    """

    def __init__(
        self, config: RefineConfig, grid: tuple[int, int], *, depth_output: Output,
        reliability: Reliability | None = None, corrector: Corrector | None = None,
    ) -> None:  # fmt: skip
        """Serve depth on `grid` = (h, w).

        reliability  how wrong this teacher is where; None: cautious defaults
        corrector    the network of mode `net`; None: the filter alone
        """
        tuning = Tuning(config.gate, config.bound, config.trust, reliability or Reliability())
        self._grid = grid
        self._refiner = Refiner(scale_for(depth_output), tuning, corrector)

    def init(self) -> RefineState:
        """Return the state before the first frame."""
        return RefineState(self._refiner.init(1, self._grid), watch.init())

    def step(self, state: RefineState, x: RefineInput) -> tuple[RefineState, Tensor]:
        """Return the new state and depth float32 [h, w]; see `RefineStage.step`."""
        picture = (to_network(x.rgb, size=self._grid) * 255).round_().to(torch.uint8)
        flow = block_matching(state.memory.picture[0], picture)[None]
        observation = Observation(x.depth[None], picture[None], flow, x.dt, watch.calm(state.watch))
        memory, refined = self._refiner.step(state.memory, observation)
        watched = watch.step(state.watch, refined, teacher=memory.maps[:, 4], flow=flow, dt=x.dt)
        depth = self._refiner.scale.leave(memory.scale, refined.answer)[0]
        return RefineState(memory, watched), depth

    def reset(self, state: RefineState) -> RefineState:
        """Forget every frame, in place."""
        return prime(state, self.init())

    def reading(self, state: RefineState) -> Tensor | None:
        """Return float32 [5], see `RefineReading`."""
        return state.watch.reading
