"""Where a flat picture lies on the half sphere of VR180: maps, no pixels.

A pixel of the square shows one direction: azimuth to the right and elevation downwards, both
linear from -90° to 90°. The flat picture stands before the eye and fills `hfov_deg`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SphereMap:
    """Source columns and rows of a half sphere; separable but for one factor.

    The pixel (row, column) shows the picture at x = column_x[column],
    y = row_y[row] · column_secant[column] + middle_y, in pixels, 0 the centre of the first one.

    column_x       float32 [side]
    column_secant  float32 [side]
    row_y          float32 [side]
    middle_y       row of the horizon in the picture
    """

    column_x: Tensor
    column_secant: Tensor
    row_y: Tensor
    middle_y: float


def sphere_map(picture_size: tuple[int, int], side: int, *, hfov_deg: float) -> SphereMap:
    """Return the map of one eye; build it once for a stream, it serves both eyes.

    picture_size  (H, W) of the flat picture, square pixels
    side          of the square that holds the half sphere, pixels
    hfov_deg      angle that the picture's width fills, between 0 and 180, exclusive

    Raises ValueError for another angle.
    """
    if not 0 < hfov_deg < 180:
        raise ValueError(f"hfov_deg must be between 0 and 180, got {hfov_deg}")
    height, width = picture_size
    focal_px = width / 2 / math.tan(math.radians(hfov_deg) / 2)
    angle = ((torch.arange(side, dtype=torch.float64) + 0.5) / side - 0.5) * math.pi
    return SphereMap(
        column_x=(focal_px * angle.tan() + (width - 1) / 2).float(),
        column_secant=(1 / angle.cos()).float(),
        row_y=(focal_px * angle.tan()).float(),
        middle_y=(height - 1) / 2,
    )
