"""Depth of some frames only: estimated in key frames, moved along with the picture in between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from stereocast.engine.depth.stage import DepthInput, DepthStage
from stereocast.engine.models import Output
from stereocast.kernels.flow import block_matching, reproject
from stereocast.kernels.preprocess import to_network


@dataclass(frozen=True)
class KeyedState:
    """inner of the stage that estimates; picture float32 [3, h, w] and depth [h, w] of the frame
    before, on the grid; waited float32 [1], seconds since the last estimate.
    """

    inner: Any
    picture: Tensor
    depth: Tensor
    waited: Tensor


class KeyedDepth:
    """A depth stage that leaves frames out where its input says so (`DepthInput.is_between`).

    Between key frames depth is moved by block matching of the picture on the grid: it costs a few
    per cent of a network, and follows what moves instead of standing still under it.
    """

    def __init__(self, stage: DepthStage[Any]) -> None:
        self._stage = stage

    @property
    def output(self) -> Output:
        """What the numbers of its depth mean."""
        return self._stage.output

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of its depth."""
        return self._stage.grid

    def init(self) -> KeyedState:
        """Return the state before the first frame."""
        return KeyedState(
            self._stage.init(), torch.zeros(3, *self.grid), torch.zeros(self.grid), torch.zeros(1)
        )

    def step(self, state: KeyedState, x: DepthInput) -> tuple[KeyedState, Tensor]:
        """Return the new state and depth float32 [h, w]; the first frame must not be between."""
        picture = to_network(x.rgb, size=self.grid)
        waited = state.waited + x.dt
        if x.is_between:
            flow = block_matching(state.picture, picture)
            depth = reproject(state.depth[None], flow)[0][0]
            return KeyedState(state.inner, picture, depth, waited), depth
        inner, depth = self._stage.step(state.inner, DepthInput(x.rgb, waited))
        # A copy: the inner stage may return what its next step overwrites.
        return KeyedState(inner, picture, depth.clone(), torch.zeros(1)), depth

    def reset(self, state: KeyedState) -> KeyedState:
        """Forget every frame, in place."""
        for tensor in (state.picture, state.depth, state.waited):
            tensor.zero_()
        return replace(state, inner=self._stage.reset(state.inner))

    def to_frame(self, depth: Tensor) -> Tensor:
        """Return depth [h, w] at the frame's size, float32 [H, W]."""
        return self._stage.to_frame(depth)
