"""One frame of the built-in network as a pure function of named tensors: for runners and exports.

    image, motion, ages, keys, values, before  ->  depth, keys_row, values_row, answer

Shapes are static and nothing is remembered here: `stage` writes the rows into the rings.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from stereocast.engine.depth.tiny import motion
from stereocast.engine.depth.tiny.memory import ROWS
from stereocast.engine.depth.tiny.network import TinyDepth
from stereocast.engine.errors import ConfigError
from stereocast.engine.runner import TensorSpec

IMAGE, MOTION, AGES, KEYS, VALUES, BEFORE = "image", "motion", "ages", "keys", "values", "before"
DEPTH, KEYS_ROW, VALUES_ROW, ANSWER = "depth", "keys_row", "values_row", "answer"

LEAST_SIDE = 32


class TinyStep(nn.Module):
    """The network for one frame at one size.

    network  its weights are shared
    grid     (h, w) pixels of the input, at least 32 each

    Raises ConfigError for a smaller grid.
    """

    cache = "kv"

    def __init__(self, network: TinyDepth, grid: tuple[int, int]) -> None:
        super().__init__()
        if min(grid) < LEAST_SIDE:
            raise ConfigError(
                f"tiny: its grid is at least {LEAST_SIDE}×{LEAST_SIDE}, got {grid[0]}×{grid[1]}: "
                f"set depth.height and depth.width"
            )
        self.network = network
        self.grid = grid
        self.dtype = torch.float32
        self.eval().requires_grad_(False)

    @property
    def storage(self) -> torch.dtype:
        """The dtype of what is remembered."""
        return self.dtype

    def input_specs(self) -> tuple[TensorSpec, ...]:
        """Return the inputs in the order in which `forward` takes them."""
        levels = _levels(self.grid)
        rows = self._row_shape()
        ring = (*rows[:2], ROWS, rows[2])
        return (
            TensorSpec(IMAGE, (1, 3, *self.grid), self.dtype),
            TensorSpec(MOTION, (1, motion.CHANNELS, *levels[1]), self.dtype),
            TensorSpec(AGES, (ROWS,), torch.int64),
            TensorSpec(KEYS, ring, self.dtype),
            TensorSpec(VALUES, ring, self.dtype),
            TensorSpec(BEFORE, (1, 1, *levels[0]), torch.float32),
        )

    def output_specs(self) -> tuple[TensorSpec, ...]:
        """Return the outputs in the order in which `forward` gives them."""
        return (
            TensorSpec(DEPTH, self.grid),
            TensorSpec(KEYS_ROW, self._row_shape(), self.dtype),
            TensorSpec(VALUES_ROW, self._row_shape(), self.dtype),
            TensorSpec(ANSWER, (1, 1, *_levels(self.grid)[0])),
        )

    def forward(
        self, image: Tensor, motion: Tensor, ages: Tensor, keys: Tensor, values: Tensor,
        before: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
        """Return depth, rows and answer, see `TinyDepth.forward`."""
        result: tuple[Tensor, Tensor, Tensor, Tensor] = self.network(
            image, motion, ages, keys, values, before
        )
        return result

    def halved(self) -> TinyStep:
        """Return a copy in float16; what is drawn from frame to frame, and depth, stay float32."""
        step = TinyStep(copy.deepcopy(self.network).half(), self.grid)
        step.dtype = torch.float16
        return step

    def _row_shape(self) -> tuple[int, int, int]:
        height, width = _levels(self.grid)[3]
        memory = self.network.memory
        return (memory.heads, height * width, memory.depth)


def _levels(grid: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the sizes at 1/2, 1/4, 1/8 and 1/16: every halving rounds up."""
    sizes = []
    for _ in range(4):
        grid = (-(-grid[0] // 2), -(-grid[1] // 2))
        sizes.append(grid)
    return sizes
