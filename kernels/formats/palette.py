"""Colours for depth: small tables, near is bright."""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor


class Palette(StrEnum):
    """How nearness is shown."""

    GREY = "grey"
    """What displays that make views from depth expect."""
    HEAT = "heat"
    """Black, violet, red, orange, pale yellow: small steps are easier to see."""


_STOPS = {
    Palette.GREY: ((0, 0, 0), (255, 255, 255)),
    Palette.HEAT: (
        (0, 0, 6), (58, 10, 100), (136, 30, 108), (205, 62, 74), (244, 128, 28), (250, 200, 60),
        (255, 252, 200),
    ),
}  # fmt: skip
"""Colours at equal distances from far to near, each brighter than the one before."""


def palette(name: Palette) -> Tensor:
    """Return the colours uint8 [256, 3] of nearness 0 to 1."""
    stops = torch.tensor(_STOPS[name], dtype=torch.float64)
    place = torch.linspace(0, len(stops) - 1, 256, dtype=torch.float64)
    first = place.floor().long().clamp_max(len(stops) - 2)
    share = (place - first)[:, None]
    return (stops[first] + (stops[first + 1] - stops[first]) * share).round().to(torch.uint8)
