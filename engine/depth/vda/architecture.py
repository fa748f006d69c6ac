"""The numbers of Video-Depth-Anything: sizes of the three encoders and constants of the trained net.

Nothing here computes. Source: DepthAnything/Video-Depth-Anything at commit 4f5ae23, dinov2.py,
dpt_temporal.py and motion_module.py.
"""

from __future__ import annotations

from dataclasses import dataclass

PATCH = 14  # pixels of the network's input per token and axis
WINDOW = 32  # frames that attend to each other; the length of the checkpoint's position tables
TEMPORAL_HEADS = 8
MODULES = 4  # temporal modules in the head
SUBLAYERS = 2 * MODULES  # each has two attention sublayers

ENCODER_NORM_EPS = 1e-6
GROUP_NORM_EPS = 1e-6
TEMPORAL_NORM_EPS = 1e-5
"""Wrong ones cost only 3e-6…5e-6 of mean depth: too little for an end-to-end gate to see."""

NORM_GROUPS = 32

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet, in R'G'B' of [0, 1]."""


@dataclass(frozen=True)
class Architecture:
    """The sizes in which the networks differ.

    taps          blocks of the encoder, counted from 0, whose outputs the head reads
    features      channels of the head's pyramid
    out_channels  channels of the four taps after their first projection
    position_side side of the trained grid of position embeddings, tokens
    """

    dim: int
    depth: int
    heads: int
    taps: tuple[int, int, int, int]
    features: int
    out_channels: tuple[int, int, int, int]
    position_side: int = 37

    @property
    def temporal_dims(self) -> tuple[int, int, int, int]:
        """Channels of the four temporal modules."""
        return (*self.out_channels[2:], self.features, self.features)

    def temporal_positions(self, grid: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return how many places each temporal module sees for an input of `grid` = (h, w) pixels."""
        rows, columns = token_grid(grid)
        tokens = rows * columns
        return (tokens, -(-rows // 2) * -(-columns // 2), tokens, 4 * tokens)


def token_grid(grid: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of tokens for an input of `grid` = (h, w) pixels."""
    return grid[0] // PATCH, grid[1] // PATCH


ARCHITECTURES = {
    "vits": Architecture(384, 12, 6, (2, 5, 8, 11), 64, (48, 96, 192, 384)),
    "vitb": Architecture(768, 12, 12, (2, 5, 8, 11), 128, (96, 192, 384, 768)),
    "vitl": Architecture(1024, 24, 16, (4, 11, 17, 23), 256, (256, 512, 1024, 1024)),
}
"""The licence of the weights differs: Small is Apache-2.0, Base and Large are CC-BY-NC-4.0."""
