"""What the refiner is trained for: true depth, true change over time, and no harm.

All in log depth, x̂ the answer, x the exact one, y the teacher's; means are over all pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

SMALL_CHANGE = 0.05
"""Exact changes below this count for the temporal loss; larger ones are occlusions."""
HARM_MARGIN = 0.005


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts; the depth loss has 1.

    new  how often a pixel counts in the depth loss whose exact depth has just changed by more than
         `SMALL_CHANGE`: what moves, and what was hidden, is little of a picture and most of a fault
    reach  errors of depth, log units, beyond which they count ever less: no refiner is free to
         correct what a network got quite wrong, and one that tries does harm where it was right
    """

    new: float = 1.0
    reach: float = math.inf
    root: float = 0.05
    harm: float = 0.5
    temporal: float = 6.0
    residual: float = 0.02
    bias: float = 0.05


@dataclass(frozen=True)
class FrameMaps:
    """Maps float32 [B, h, w] of one frame, and of the answer and the truth one frame before.

    before  None in the first frame of a window, or where a reset lies between
    """

    answer: Tensor
    truth: Tensor
    teacher: Tensor
    confidence: Tensor
    change: Tensor
    before: tuple[Tensor, Tensor] | None


@dataclass(frozen=True)
class Parts:
    """The parts of the loss of one frame, weighted, [] each; their sum is trained."""

    depth: Tensor
    temporal: Tensor
    residual: Tensor

    def total(self) -> Tensor:
        """Return the sum."""
        return self.depth + self.temporal + self.residual


def frame_loss(maps: FrameMaps, weights: LossWeights, *, emphasis: float = 1.0) -> Parts:
    """Return the loss of one frame; `emphasis` weighs its depth error."""
    error = (maps.answer - maps.truth).abs()
    harm = (error - (maps.teacher - maps.truth).abs() - HARM_MARGIN).clamp_min(0)
    share, temporal = torch.ones_like(error), torch.zeros(())
    if maps.before is not None:
        exact = maps.truth - maps.before[1]
        wrong = (maps.answer - maps.before[0] - exact).abs()
        small = (exact.abs() < SMALL_CHANGE).float()
        temporal = weights.temporal * (small * wrong).mean()
        share = small + weights.new * (1 - small)
    if math.isfinite(weights.reach):
        error = error / (1 + error / weights.reach)
    near = (share * error).mean() + weights.root * (share * (error + 1e-4).sqrt()).mean()
    depth = emphasis * near + weights.harm * (share * harm).mean()
    drift = maps.change.mean((1, 2)).abs().mean()
    residual = weights.residual * (maps.confidence * maps.change.abs()).mean()
    return Parts(depth, temporal, residual + weights.bias * drift)
