"""What every depth stage is to the pipeline: the one part of it that users exchange by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from stereocast.engine.models import Output

State = TypeVar("State")


@dataclass(frozen=True)
class DepthInput:
    """rgb u8 [3, H, W]; dt float32 [1], seconds since the frame before.

    is_between  a stage that can (`depth.keyed`) may move the last depth instead of estimating it
    """

    rgb: Tensor
    dt: Tensor
    is_between: bool = False


class DepthStage(Protocol[State]):
    """Estimate depth frame by frame; keeps the law of state, see `engine.stage`."""

    @property
    def output(self) -> Output:
        """What the numbers of its depth mean."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of its depth."""

    def init(self) -> State:
        """Return the state before the first frame."""

    def step(self, state: State, x: DepthInput) -> tuple[State, Tensor]:
        """Return the new state and depth float32 [h, w] on the grid, as `output` says."""

    def reset(self, state: State) -> State:
        """Forget every frame, in place: what follows is as after `init`."""

    def to_frame(self, depth: Tensor) -> Tensor:
        """Return depth [h, w] at the frame's size, float32 [H, W]."""
