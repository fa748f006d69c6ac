"""Second eyes from almost no depth at all, and the plain renderer that draws them.

Copy of the left eye, one constant shift, a ramp down the rows: a method that knows the depth must
beat these clearly. Source: §7 of the README beside the outside data, whose recipe this is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.bench.stereo_truth.hole_fills import fill_from_background

FINER = 4
"""Columns drawn per column of the picture."""

_FIT_ROUNDS = 4


def constant_shift(disparity: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the median of the valid disparities everywhere, float32 [H, W]."""
    known = disparity if valid is None else disparity[valid]
    middle = known.flatten().double().quantile(0.5)
    return torch.full_like(disparity, float(middle))


def row_ramp(disparity: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the straight ramp down the rows that fits the valid disparities best, [H, W]."""
    height, width = disparity.shape
    ramp = torch.linspace(0, 1, height, dtype=torch.float64)[:, None].expand(height, width)
    keep = torch.ones_like(disparity, dtype=torch.bool) if valid is None else valid.clone()
    wanted = disparity.double()
    for _ in range(_FIT_ROUNDS):
        cues = torch.stack((ramp[keep], torch.ones_like(ramp[keep])), dim=1)
        slope, offset = torch.linalg.lstsq(cues, wanted[keep][:, None]).solution.flatten()
        fitted = slope * ramp + offset
        residual = (fitted - wanted).abs()
        known = residual if valid is None else residual[valid]
        limit = 3 * known.quantile(0.5) + 0.5
        keep = residual < limit if valid is None else (residual < limit) & valid
    return fitted.float()


def draw(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """Return the right eye u8 [3, H, W] drawn on a grid four times finer, and the share of holes.

    The picture and its disparity are stretched sideways, every column goes to the nearest place on
    the fine grid, the nearest surface wins, holes take the nearer pixel of the farther side, and
    four columns are averaged into one. The share of holes is [H, W] float32.
    """
    width = left.shape[2]
    fine, depth = _stretched(left.float()), _stretched(disparity[None])[0]
    columns = torch.arange(width * FINER)
    target = (columns - FINER * depth).round().long()
    view, seen = _drawn(fine, depth, target)
    holes = seen.isneginf()
    filled = fill_from_background(view, holes, seen)
    made = filled.unfold(2, FINER, FINER).mean(dim=3)
    open_share = holes.float().unfold(1, FINER, FINER).mean(dim=2)
    return made.round().clamp(0, 255).to(torch.uint8), open_share


def _drawn(image: Tensor, disparity: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return `image` with every pixel at its target column, the nearest on top; and its disparity."""
    height, width = disparity.shape
    inside = (target >= 0) & (target < width)
    rows = torch.arange(height)[:, None] * width
    place = (rows + target.clamp(0, width - 1))[inside]
    seen = torch.full((height * width,), -torch.inf)
    seen.scatter_reduce_(0, place, disparity[inside], "amax")
    wins = disparity[inside] == seen[place]
    source = torch.zeros(height * width, dtype=torch.long)
    origin = (rows + torch.arange(width))[inside]
    source.scatter_reduce_(0, place[wins], origin[wins], "amax")
    view = image.flatten(1)[:, source].reshape(image.shape)
    return view, seen.reshape(height, width)


def _stretched(layers: Tensor) -> Tensor:
    size = (layers.shape[1], layers.shape[2] * FINER)
    return interpolate(layers[None], size=size, mode="bilinear", align_corners=False)[0]
