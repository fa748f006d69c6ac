"""The depths that are compared; each is a stream: frames in, relative inverse depth out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.stage import DepthInput, DepthStage
from stereocast.engine.depth.tiny import TinyDepth, TinyStage, TinyStep
from stereocast.engine.runner import TorchRunner
from stereocast.training.losses import normalised
from stereocast.training.scenes import WorldClip

GRID = (140, 252)
CONSTANT, RAMP, MEANMAP, PRIOR = "constant", "row ramp", "meanmap", "prior"
TINY, SINGLE = "tiny", "tiny, single frame"
METHODS = (CONSTANT, RAMP, MEANMAP, PRIOR, SINGLE, TINY)
MEANMAP_WORLDS = 240
_DT = torch.tensor([1 / 30])

Stream = Callable[[Tensor], Tensor]
"""From a frame u8 [3, H, W] to inverse depth float32 [h, w] on the grid; remembers."""


class Streams:
    """Makes fresh streams of every method for frames of one size.

    network  the built-in one, with the weights in question
    """

    def __init__(
        self, network: TinyDepth, grid: tuple[int, int] = GRID, *,
        meanmap_worlds: int = MEANMAP_WORLDS,
    ) -> None:  # fmt: skip
        self._grid = grid
        self._step = TinyStep(network, grid)
        rows = torch.linspace(0, 1, grid[0])[:, None].expand(grid)
        self._flat = {
            CONSTANT: torch.zeros(grid),
            RAMP: rows,
            MEANMAP: meanmap(grid, meanmap_worlds),
        }

    def make(self, method: str, frame_size: tuple[int, int]) -> Stream:
        """Return a stream that has seen nothing yet."""
        if method in self._flat:
            return lambda _: self._flat[method]
        if method == PRIOR:
            return _streamed(PriorDepth(self._grid, frame_size=frame_size), forgetful=False)
        specs = {"inputs": self._step.input_specs(), "outputs": self._step.output_specs()}
        stage = TinyStage(TorchRunner(self._step, **specs), frame_size=frame_size)
        return _streamed(stage, forgetful=method == SINGLE)


def _streamed(stage: DepthStage[Any], *, forgetful: bool) -> Stream:
    state = stage.init()

    def step(rgb: Tensor) -> Tensor:
        nonlocal state
        if forgetful:
            state = stage.reset(state)
        state, depth = stage.step(state, DepthInput(rgb, _DT))
        return depth

    return step


def meanmap(grid: tuple[int, int], worlds: int) -> Tensor:
    """Return the mean of training worlds' normalised inverse depth: it never looks at a picture."""
    total = torch.zeros(grid)
    small = (grid[0] // 2, grid[1] // 2)
    for seed in range(worlds):
        depth = WorldClip(seed, height=small[0], width=small[1]).frame(0).depth_m
        inverse = torch.where(depth.isfinite(), 1 / depth.clamp_min(1e-2), 0.0)[None, None]
        known = torch.ones_like(inverse, dtype=torch.bool)
        total += interpolate(normalised(inverse, known), size=grid, mode="bilinear")[0, 0]
    return total / worlds
