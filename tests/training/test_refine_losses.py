"""What the refiner is trained for: parts of the loss that are easy to get wrong."""

from __future__ import annotations

import math

import torch

from stereocast.training.refine_losses import FrameMaps, LossWeights, frame_loss


def depth_gradient(error: float, weights: LossWeights) -> float:
    """Return how hard a depth that is off by `error` is pulled, harm and change apart."""
    flat = torch.zeros(1, 4, 4)
    answer = torch.full((1, 4, 4), error, requires_grad=True)
    maps = FrameMaps(answer, flat, answer.detach(), flat, flat, None)
    frame_loss(maps, weights).depth.backward()
    return float(answer.grad.sum())


def test_errors_beyond_reach_count_ever_less() -> None:
    bounded, free = LossWeights(reach=0.05, root=0), LossWeights(root=0)
    assert depth_gradient(0.3, free) == depth_gradient(0.01, free)
    assert depth_gradient(0.01, bounded) > 0.6 * depth_gradient(0.01, free)
    assert depth_gradient(0.05, bounded) == 0.25 * depth_gradient(0.05, free)
    assert 0 < depth_gradient(0.5, bounded) < 0.02 * depth_gradient(0.5, free)


def test_without_a_reach_errors_count_in_full() -> None:
    assert math.isinf(LossWeights().reach)


def test_flicker_counts_and_true_change_does_not() -> None:
    before, now = torch.zeros(1, 4, 4), torch.full((1, 4, 4), 0.02)
    still = FrameMaps(now, before, now, before, before, (before, before))
    right = FrameMaps(now, now, now, before, before, (before, before))
    assert frame_loss(still, LossWeights()).temporal > 0.1
    assert frame_loss(right, LossWeights()).temporal == 0
