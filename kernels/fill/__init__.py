"""Fill the holes of a warped view from the background beside them.

Level 1 of the fills: one row, no memory of earlier frames. What lies behind an object resembles the
farther of the two surfaces that the hole separates, so that one is continued.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.fill import reference

NARROW_PX = 2
"""Holes up to this wide are blended between both sides: cracks, not disocclusions."""


def fill_holes(
    view: Tensor, holes: Tensor, disparity: Tensor | None = None, *, out: Tensor | None = None
) -> Tensor:
    """Return `view` with its holes continued from the farther side; everything else untouched.

    view       [3, H, W] uint8 or float32
    holes      [H, W] bool, True where nothing landed
    disparity  [H, W] float32 of the view, positive is nearer, ignored in holes. Without it both
               sides count as equally far
    out        where to write, like `view`; may be `view` itself

    A run of holes takes the colour of the neighbour with the smaller disparity; runs of at most
    `NARROW_PX` and runs between equally far neighbours are blended linearly from side to side; a
    run at the frame edge takes its only neighbour; a row without any neighbour stays as it is.

    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    if disparity is None:
        disparity = torch.zeros(view.shape[1:], dtype=torch.float32, device=view.device)
    out = torch.empty_like(view) if out is None else out
    _check(view, holes, disparity, out)
    module = native.serving(view, holes, disparity, out)
    if module is None:
        out.copy_(reference.fill_holes(view, holes, disparity, NARROW_PX))
        return out
    if out.data_ptr() != view.data_ptr():
        out.copy_(view)
    fill = module.fill_u8 if view.dtype == torch.uint8 else module.fill_f32
    fill(out, holes.view(torch.uint8), disparity, NARROW_PX)
    return out


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
