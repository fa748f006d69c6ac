"""The law of state, in one page.

    step(state, x) -> (state, y)

A state is a frozen dataclass of tensors (or of such states, or of tuples of either) with fixed
shapes, dtypes and devices.
Whatever changes from frame to frame is one of those tensors or part of `x`, never a Python number:
a captured CUDA graph would freeze it. The old state is donated: after the call only the returned
one is valid. A clip is the fold of `step`, so offline and live share one implementation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Protocol, TypeVar, cast

from torch import Tensor

State = TypeVar("State")
X = TypeVar("X", contravariant=True)
Y = TypeVar("Y", covariant=True)


class Stage(Protocol[State, X, Y]):
    """One step of a frame's journey."""

    def init(self) -> State:
        """Return the state before the first frame."""

    def step(self, state: State, x: X) -> tuple[State, Y]:
        """Consume one frame and the old state; return the new state and the result."""


def prime(state: State, fresh: State) -> State:
    """Overwrite every tensor of `state` with that of `fresh`, in place, and return `state`.

    Afterwards the buffers are the old ones and the values those of a fresh session.
    """
    for old, new in zip(tensors_of(state), tensors_of(fresh), strict=True):
        old.copy_(new)
    return state


def tensors_of(state: object) -> Iterator[Tensor]:
    """Yield every tensor of a state: its fields, those of states in it, and of tuples of either."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from tensors_of(part)
    else:
        for field in fields(cast("type", state)):
            yield from tensors_of(getattr(state, field.name))
