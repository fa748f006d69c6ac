"""The curves by which iw3 bends nearness (its "foreground scale"), all from 0..1 to 0..1.

Source: nagadomi/nunif (MIT) iw3/mapper.py at d23721f, as stereo.md §1.3 of the design describes it;
equal to its output within 1e-6 (tests/bench/test_stereo_truth_iw3.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Curve = Callable[[Tensor], Tensor]

_SLOPE = 12.0
_FAR = 16.0  # metres between the nearest and the farthest plane of the shift curves


def _rescaled(curve: Curve) -> Curve:
    """Return `curve` shifted and scaled so that 0 stays 0 and 1 stays 1."""

    def bent(x: Tensor) -> Tensor:
        low, high = curve(torch.tensor([0.0, 1.0], dtype=torch.float64))
        scaled: Tensor = (curve(x) - low) / (high - low)
        return scaled

    return bent


def _softplus(bias: float) -> Curve:
    return _rescaled(lambda x: torch.log1p(torch.exp((x - bias) * _SLOPE)))


def _inverse_softplus(bias: float, scale: float) -> Curve:
    return _rescaled(lambda x: torch.log(torch.expm1((x - bias) * scale)))


def _inverse_depth(c: float) -> Curve:
    return _rescaled(lambda x: c / (1 + c - x))


def _shift(nearest_m: float) -> Curve:
    far, near = 1 / (nearest_m + _FAR), 1 / nearest_m
    return _rescaled(lambda x: 1 / (1 / (far + x * (near - far)) + 1 - nearest_m))


CURVES: Mapping[str, Curve] = {
    "none": lambda x: x,
    "pow2": lambda x: x * x,
    "softplus": _softplus(0.5),
    "softplus2": lambda x: _softplus(0.5)(x).square(),
    "mul_1": _softplus(0.343),
    "mul_2": _softplus(0.515),
    "mul_3": _softplus(0.687),
    "inv_mul_1": _inverse_softplus(-0.002102, 7.8788),
    "inv_mul_2": _inverse_softplus(-0.0003, 6.2626),
    "inv_mul_3": _inverse_softplus(-0.0001, 3.4343),
    "div_25": _inverse_depth(2.5),
    "div_10": _inverse_depth(1.0),
    "div_6": _inverse_depth(0.6),
    "div_4": _inverse_depth(0.4),
    "div_2": _inverse_depth(0.2),
    "div_1": _inverse_depth(0.1),
    "shift_30": _shift(3.0),
    "shift_20": _shift(2.0),
    "shift_14": _shift(1.4),
    "shift_08": _shift(0.8),
    "shift_06": _shift(0.6),
    "shift_045": _shift(0.45),
}
"""Every curve by iw3's name; a level between two of a family is their linear mix."""


def remap(nearness: Tensor, curve: str) -> Tensor:
    """Return nearness float32 in 0..1, bent by the curve of that name. Raises KeyError."""
    return CURVES[curve](nearness.double()).float()
