"""The soft splat that StereoCrafter uses, without its defect at the borders.

Every pixel lands between two columns and is shared among them by distance; what lands on the same
column is mixed with weights 1.414^disparity. There is no z-test. The original drops pixels whose
2 × 2 footprint touches the border; here every tap is tested alone, so nothing inside is lost.
Source: stereo.md §2 of the design; written from its description.
"""

from __future__ import annotations

import torch
from torch import Tensor

BASE = 1.414


def splat(image: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the right eye that a left one gives: colour, disparity and coverage.

    image      float [3, H, W]
    disparity  float32 [H, W], pixels, positive is nearer
    returns    colour like `image` (0 where nothing landed), the disparities mixed with the same
               weights float32 [H, W], and how many pixels landed float32 [H, W], not limited to 1
    """
    height, width = disparity.shape
    d = disparity.double()
    target = torch.arange(width, dtype=torch.float64) - d
    floor = target.floor()
    share = target - floor
    # Float64 holds 1.414^2000: no range of disparities that fits a picture overflows.
    importance = BASE ** (d - d.min())
    rows = torch.arange(height)[:, None] * width
    column = floor.long()
    index, weight = [], []
    for tap, part in ((column, 1 - share), (column + 1, share)):
        is_inside = (tap >= 0) & (tap < width)
        index.append((rows + tap.clamp(0, width - 1)).flatten())
        weight.append((part * is_inside).flatten())
    places, coverage = torch.cat(index), torch.cat(weight)
    mixed = coverage * importance.flatten().repeat(2)

    def gathered(values: Tensor) -> Tensor:
        total = torch.bincount(places, weights=values, minlength=height * width)
        return total.reshape(height, width)

    total = gathered(mixed).clamp_min(1e-6)
    layers = [gathered(mixed * layer.double().flatten().repeat(2)) / total for layer in image]
    depth = gathered(mixed * d.flatten().repeat(2)) / total
    return torch.stack(layers).to(image.dtype), depth.float(), gathered(coverage).float()
