"""Parallax of a scene whose distances are known in metres.

Metres make a video need no tuning: nothing is normalised, a near thing is strong and a far one weak
because they are. Relative depth goes through range.py instead.
"""

from __future__ import annotations

import math

from torch import Tensor

from stereocast.engine.models import Output

NEAREST_M = 0.1
"""Metric depth below this counts as this: closer than any lens focuses, and 1/Z stays finite."""


def focal_length_px(width: int, hfov_deg: float) -> float:
    """Return the focal length of a camera with this horizontal field of view."""
    return width / (2 * math.tan(math.radians(hfov_deg) / 2))


def inverse_depth(depth: Tensor, output: Output) -> Tensor:
    """Return depth float32 [h, w] as what parallax is linear in, larger is nearer.

    Metres become dioptres (1/m). What is inverse already, of unknown scale and offset, is never
    touched.
    """
    if output is Output.RELATIVE_INVERSE:
        return depth
    return depth.clamp_min(NEAREST_M).reciprocal()
