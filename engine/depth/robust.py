"""Weights that keep outliers from deciding a fit: Huber's and Tukey's, a robust spread, a line.

The constants make each estimator 95 % as efficient as least squares where there are no outliers.
Source: Huber 1981, "Robust Statistics"; Beaton and Tukey 1974 (the biweight); Deming 1943,
"Statistical Adjustment of Data".
"""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor

HUBER_TUNING, TUKEY_TUNING = 1.345, 4.685
_MAD_TO_SIGMA = 1.4826  # of a normal distribution


class Loss(StrEnum):
    """How much a large residual may say."""

    SQUARES = "squares"
    """Everything counts fully: least squares."""
    HUBER = "huber"
    """The pull of an outlier is bounded."""
    TUKEY = "tukey"
    """An outlier has no pull at all."""


def spread(residual: Tensor) -> Tensor:
    """Return the standard deviation of the residuals' bulk, [] like `residual`; never 0.

    Residuals of exactly 0 are left out: they are the medians that the others are measured from.
    """
    magnitude = residual.abs().flatten()
    middle = torch.where(magnitude > 0, magnitude, torch.nan).nanmedian().nan_to_num()
    floor = torch.finfo(residual.dtype).eps * (1 + magnitude.amax())
    return torch.maximum(_MAD_TO_SIGMA * middle, floor)


def weights(residual: Tensor, sigma: Tensor, loss: Loss) -> Tensor:
    """Return weights in [0, 1] like `residual`, for residuals whose bulk has the spread `sigma`."""
    if loss is Loss.SQUARES:
        return torch.ones_like(residual)
    relative = residual.abs() / sigma
    if loss is Loss.HUBER:
        return (HUBER_TUNING / relative.clamp_min(HUBER_TUNING)).to(residual.dtype)
    return (1 - (relative / TUKEY_TUNING).square()).clamp_min(0).square()


def deming_slope(xx: Tensor, xy: Tensor, yy: Tensor, ratio: Tensor | float = 1.0) -> Tensor:
    """Return the slope of y on x where both are noisy, from their central second moments.

    ratio  variance of y's noise over that of x's
    Plain least squares takes all noise to be y's and shrinks the slope. Wants xy > 0: what is not
    finite otherwise, the caller replaces.
    """
    tilt = yy - ratio * xx
    return (tilt + (tilt.square() + 4 * ratio * xy.square()).sqrt()) / (2 * xy)
