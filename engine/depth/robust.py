"""Weights that keep outliers from deciding a fit: Huber's and Tukey's, and a robust spread.

The constants make each estimator 95 % as efficient as least squares where there are no outliers.
Source: Huber 1981, "Robust Statistics"; Beaton and Tukey 1974 (the biweight).
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
    """Return the standard deviation of the residuals' bulk, [] like `residual`; never 0."""
    magnitude = residual.abs().flatten()
    floor = torch.finfo(residual.dtype).eps * (1 + magnitude.amax())
    return (_MAD_TO_SIGMA * magnitude.median()).clamp_min(floor)


def weights(residual: Tensor, sigma: Tensor, loss: Loss) -> Tensor:
    """Return weights in [0, 1] like `residual`, for residuals whose bulk has the spread `sigma`."""
    if loss is Loss.SQUARES:
        return torch.ones_like(residual)
    relative = residual.abs() / sigma
    if loss is Loss.HUBER:
        return (HUBER_TUNING / relative.clamp_min(HUBER_TUNING)).to(residual.dtype)
    return (1 - (relative / TUKEY_TUNING).square()).clamp_min(0).square()
