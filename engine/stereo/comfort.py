"""Limits that keep parallax comfortable: a soft ceiling, and a quiet frame edge."""

from __future__ import annotations

import torch
from torch import Tensor

BORDER_SHARE = 0.75
"""Width of the border ramp as a share of the parallax range."""


def soft_limit(disparity: Tensor, limit: Tensor) -> Tensor:
    """Bend disparity so that it approaches ± `limit` (> 0, same units) but never passes it.

    A hard clip would flatten near objects into cards; tanh keeps their order and most of their
    shape.
    """
    return limit * torch.tanh(disparity / limit)


def comfort_limit(strength_px: Tensor, comfort: Tensor) -> Tensor:
    """Return the parallax allowed either side of the screen, in pixels.

    strength_px  the total parallax range, pixels
    comfort      0: four times the range (no limit in practice); 1: half the range
    """
    return (strength_px * (4 - 3.5 * comfort)).clamp_min(1e-3)


def border_ramp(width: int, strength_px: Tensor, frame_width: int) -> Tensor:
    """Return weights float32 [width] that take disparity to zero at the left and right frame edge.

    What is cut off by the frame in one eye only (a window violation) is, after edges, what hurts
    most. The ramp is `BORDER_SHARE` of the parallax range wide.

    width        columns of the grid the weights are for
    strength_px  total parallax range in pixels of a frame of `frame_width` columns
    """
    column = (torch.arange(width) + 0.5) * (frame_width / width)
    edge = torch.minimum(column, frame_width - column)
    return (edge / (BORDER_SHARE * strength_px).clamp_min(1.0)).clamp(0, 1)
