"""What depth networks are trained to lessen.

A network that sees pictures cannot know scale and shift of inverse depth: it is asked for depth
normalised over the clip, directly, not for something that is aligned before it is compared, and no
pixel is left out: exact labels have no outliers, the worst pixels are the small objects.
Source: tiny.md §3 of the design, where both were measured.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

BETA = 0.3
MOST = 4.0
"""A hand before the lens counts as no nearer than this many deviations: farther tails cost the
layout of the rest."""
SCALES = 4
STEADY = 0.3
"""Changes of the true depth above this are not asked to be followed from frame to frame: things
appear and vanish there."""


def normalised(inverse_depth: Tensor, known: Tensor) -> Tensor:
    """Return (d − median) / mean |d − median| over each clip: [N, T, h, w], 0 where not known.

    inverse_depth  [N, T, h, w]; known bool, of the same shape
    """
    hidden = torch.where(known, inverse_depth, torch.nan).flatten(1)
    median = hidden.nanmedian(dim=1, keepdim=True).values.nan_to_num()
    apart = (hidden - median).nan_to_num()
    count = known.flatten(1).sum(1, keepdim=True).clamp_min(1)
    spread = apart.abs().sum(1, keepdim=True) / count
    return (apart / spread.clamp_min(1e-6)).clamp(-MOST, MOST).view(inverse_depth.shape)


def depth_loss(depth: Tensor, target: Tensor) -> Tensor:
    """Return the smooth L1 distance: quadratic below `BETA`."""
    return smooth_l1_loss(depth, target, beta=BETA)


def gradient_loss(depth: Tensor, target: Tensor) -> Tensor:
    """Return the mean difference of gradients over four scales: edges where the truth has them."""
    error = (depth - target).flatten(0, 1)[:, None]
    total = error.new_zeros(())
    for scale in range(SCALES):
        if scale:
            error = error[..., ::2, ::2]
        total = total + error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return total / SCALES


def temporal_loss(depth: Tensor, target: Tensor) -> Tensor:
    """Return how far changes from frame to frame are from the true ones, where those are small."""
    wanted = target.diff(dim=1)
    steady = wanted.abs() < STEADY
    error = (depth.diff(dim=1) - wanted).abs() * steady  # of single frames: nothing
    return error.sum() / steady.sum().clamp_min(1)
