"""Fits and errors of relative inverse depth: how far it is from the truth, at best."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

FARTHEST_M, NEAREST_M = 80.0, 0.1
_ROUNDS = 4


def resized(depth: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a map [h, w] at another size, bilinear."""
    return interpolate(depth[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]


def line(cue: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return a and b of the least squares a·cue + b to `wanted`, both flat."""
    x, y = cue.double(), wanted.double()
    centred = x - x.mean()
    slope = (centred * (y - y.mean())).sum() / centred.square().sum().clamp_min(1e-12)
    return slope, y.mean() - slope * x.mean()


def absrel(depth: Tensor, truth_m: Tensor) -> tuple[float, float]:
    """Return AbsRel and δ1 after scale and shift are fitted in disparity.

    depth    inverse depth [h, w] up to scale and shift; truth_m [h, w], +inf or 0: unknown

    What is farther than 80 m is not scored: disparity says nothing of it.
    """
    valid = (truth_m > NEAREST_M) & (truth_m < FARTHEST_M)
    truth = truth_m[valid].double()
    slope, offset = line(depth[valid], 1 / truth)
    made = 1 / (slope * depth[valid].double() + offset).clamp(1 / FARTHEST_M, 1 / NEAREST_M)
    ratio = torch.maximum(made / truth, truth / made)
    return float(((made - truth).abs() / truth).mean()), float((ratio < 1.25).double().mean())


def disparity_error(cue: Tensor, disparity: Tensor, valid: Tensor) -> tuple[float, float]:
    """Return the mean error in pixels after a robust affine fit, and Pearson's r.

    Fit: least squares in four rounds, each without what was farther than 3 median errors + ½ px.
    Source: §7 of the README beside the outside data.
    """
    x, y = cue[valid], disparity[valid]
    keep = torch.ones_like(y, dtype=torch.bool)
    error = torch.zeros_like(y, dtype=torch.float64)
    for _ in range(_ROUNDS):
        slope, offset = line(x[keep], y[keep])
        error = (slope * x.double() + offset - y).abs()
        keep = error < 3 * error.quantile(0.5) + 0.5
    both = torch.stack((x, y)).double()
    r = torch.corrcoef(both)[0, 1] if float(x.std()) > 0 else torch.zeros(())
    return float(error.mean()), float(r)


def flicker(depths: Tensor, truth_m: Tensor) -> float:
    """Return how much depth changes from frame to frame where the truth does not.

    depths, truth_m  [T, h, w]; in shares of the deviation of depth within its frames
    """
    still = (truth_m[1:] - truth_m[:-1]).abs() <= 1e-4 * truth_m[:-1]
    still = still | (truth_m[1:].isinf() & truth_m[:-1].isinf())
    spread = depths.flatten(1).std(dim=1).mean()
    changes = depths.diff(dim=0).abs()[still]
    return float(changes.mean() / spread.clamp_min(1e-9)) if len(changes) else 0.0
