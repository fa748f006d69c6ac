"""Fill the holes of a warped view from the background beside and around them.

No memory of earlier frames. What lies behind an object resembles the farther of the surfaces around
the hole, so that one is continued: level 1 from the row of the hole, level 2 from all around it.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.fill import cuda, reference
from stereocast.kernels.launch import serving

FillLevel = Literal[1, 2]

NARROW_PX = 2
"""Holes up to this wide are blended between both sides: cracks, not disocclusions."""
HALVINGS_PER_WIDTH = 640.0
"""Level 2: a surface nearer by 1/640 of the width counts half as much."""
PERSISTENCE = 0.2
"""Level 2: what the next coarser level of the pyramid counts beside the finer one."""
ROW_SHARE = 0.15
"""Level 2: how far it leans towards level 1, whose errors are others."""
FEATHER = 0.25
"""Level 2: what a hole's first and last pixel keep of the colour beside the hole."""
COARSEST_CELLS = 20
"""Level 2: the coarsest level has at most this many cells in a row, the finest two in any case."""


def fill_holes(
    view: Tensor,
    holes: Tensor,
    disparity: Tensor | None = None,
    *,
    level: FillLevel = 2,
    out: Tensor | None = None,
) -> Tensor:
    """Return `view` with its holes continued from the background; everything else untouched.

    view       [3, H, W] uint8 or float32
    holes      [H, W] bool, True where nothing landed
    disparity  [H, W] float32 of the view, positive is nearer, ignored in holes. Without it all
               sides count as equally far
    level      1: a run of holes takes the colour of its neighbour with the smaller disparity, or
               a blend between equally far ones; a run at the frame edge takes its only neighbour.
               2: the average of all that has colour, weighted by nearness to the hole in the
               picture and by distance from the viewer (pull-push in a pyramid), leaning towards
               level 1, and at either end of a run towards the colour right beside it
    out        where to write, like `view`; may be `view` itself

    On either level, runs of at most `NARROW_PX` are blended linearly from side to side. Where there
    is nothing to take, the view stays as it is.

    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    Source of level 2: Kraus 2009, "The pull-push algorithm revisited"; every level contributes
    here, instead of the finest one that has anything.
    """
    if disparity is None:
        disparity = torch.zeros(view.shape[1:], dtype=torch.float32, device=view.device)
    out = torch.empty_like(view) if out is None else out
    _check(view, holes, disparity, out)
    if level not in (1, 2):
        raise ValueError(f"fill_holes knows levels 1 and 2, got {level}")
    settings = settings_for(view.shape[2])
    launcher = serving(view, holes, disparity, out)
    if launcher is not None:
        if out is not view:
            out.copy_(view)
        if level == 1:
            cuda.fill_from_row(launcher, out, holes, disparity, NARROW_PX)
        else:
            cuda.fill_from_around(launcher, out, holes, disparity, settings)
        return out
    module = native.serving(view, holes, disparity, out)
    if module is None:
        if level == 1:
            filled = reference.fill_from_row(view, holes, disparity, NARROW_PX)
        else:
            filled = reference.fill_from_around(view, holes, disparity, settings)
        return out.copy_(filled)
    if out is not view:
        out.copy_(view)
    mask, is_bytes = holes.view(torch.uint8), view.dtype == torch.uint8
    if level == 1:
        fill = module.fill_u8 if is_bytes else module.fill_f32
        fill(out, mask, disparity, NARROW_PX)
    else:
        fill = module.fill_around_u8 if is_bytes else module.fill_around_f32
        fill(
            out,
            mask,
            disparity,
            settings.narrow_px,
            (settings.rate, settings.persistence, settings.row_share, settings.feather),
            settings.levels,
        )
    return out


def settings_for(width: int) -> reference.Settings:
    """Return the settings of level 2 for a view of `width` columns."""
    return reference.Settings(
        narrow_px=NARROW_PX,
        rate=HALVINGS_PER_WIDTH / width,
        persistence=PERSISTENCE,
        row_share=ROW_SHARE,
        feather=FEATHER,
        levels=max(3, math.ceil(math.log2(width / COARSEST_CELLS))),
    )


def _check(view: Tensor, holes: Tensor, disparity: Tensor, out: Tensor) -> None:
    if view.dtype not in (torch.uint8, torch.float32) or out.dtype != view.dtype:
        raise TypeError(f"fill_holes needs uint8 or float32 views, got {view.dtype}, {out.dtype}")
    if holes.dtype != torch.bool or disparity.dtype != torch.float32:
        raise TypeError(
            "fill_holes needs bool holes and a float32 disparity, "
            f"got {holes.dtype} and {disparity.dtype}"
        )
    sizes = [tuple(t.shape) for t in (view, holes, disparity, out)]
    size = sizes[1]
    if len(size) != 2 or sizes != [(3, *size), size, size, (3, *size)]:
        raise ValueError(
            "fill_holes needs view and out [3, H, W], holes and disparity [H, W], "
            f"got {', '.join(map(str, sizes))}"
        )
    if not all(t.is_contiguous() for t in (view, holes, disparity, out)):
        raise ValueError("fill_holes needs contiguous tensors: call .contiguous() first")
