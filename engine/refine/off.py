"""Refinement switched off: depth passes unchanged."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class NoState:
    """Nothing is remembered."""


class Unrefined:
    """The refine stage of `refine.mode = off`."""

    def init(self) -> NoState:
        """Return the empty state."""
        return NoState()

    def step(self, state: NoState, x: Tensor) -> tuple[NoState, Tensor]:
        """Return depth [h, w] as it came."""
        return state, x
