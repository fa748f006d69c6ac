"""Refinement switched off: depth passes unchanged."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stereocast.engine.refine.stage import RefineInput


@dataclass(frozen=True)
class NoState:
    """Nothing is remembered."""


class Unrefined:
    """The refine stage of `refine.mode = off`."""

    def init(self) -> NoState:
        """Return the empty state."""
        return NoState()

    def step(self, state: NoState, x: RefineInput) -> tuple[NoState, Tensor]:
        """Return depth [h, w] as it came."""
        return state, x.depth

    def reset(self, state: NoState) -> NoState:
        """Return the empty state."""
        return state

    def reading(self, state: NoState) -> Tensor | None:
        """Return None: nothing is known."""
        return None
