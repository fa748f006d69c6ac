"""Image motion by block matching, and re-projection along it.

The motion is backward: a pixel p of the current picture lay at p + flow in the previous one. Made
for low resolutions (the depth network's grid, or less). It addresses history; it is no measurement.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.flow import cuda, reference
from stereocast.kernels.launch import serving

STILL_GATE = 0.01
"""Motion must explain the picture better than rest by this much (of 1) to be believed.

Noise on resting content always finds some vector that fits a little better.
"""
REACH_PX = 35
"""No component of a vector is longer than this."""


def block_matching(previous: Tensor, current: Tensor, *, still_gate: float = STILL_GATE) -> Tensor:
    """Return the backward motion of `current` on half its grid: float32 [2, ⌈h/2⌉, ⌈w/2⌉].

    previous, current  [3, h, w] RGB or [1, h, w] grey, uint8 or float32 in 0..1 (taken as bytes)
    still_gate         0 to 1; see `STILL_GATE`
    returns            x, then y, in pixels of the picture, multiples of 1/16

    8×8 blocks of grey are compared by the sum of absolute differences on three levels (quarter,
    half, full size), every picture continued beyond its edges. Quarter: all displacements of up to
    8 each way, the shorter the cheaper. Half and full: of rest, the vector from above, and those of
    four cells around it the best, then the best of the eight around that. The first wins ties. Full
    size alone adds a sub-pixel part by parabola. Last, a cell rests if, over 5×5 cells, rest is at
    most `still_gate` worse; the resting area is eroded by one cell, so that motion wins at borders.

    Raises ValueError or TypeError if sizes, dtypes, devices or the gate do not fit.
    """
    _check_pictures(previous, current)
    if not 0 <= still_gate <= 1:
        raise ValueError(f"block_matching needs a still_gate in [0, 1], got {still_gate}")
    gate = reference.gate_levels(still_gate)
    launcher = serving(previous, current)
    if launcher is not None:
        return cuda.block_matching(launcher, previous, current, gate)
    module = native.serving(previous, current)
    if module is None:
        return reference.block_matching(previous, current, gate)
    height, width = previous.shape[1:]
    flow = torch.empty((2, (height + 1) // 2, (width + 1) // 2), dtype=torch.float32)
    match = module.flow_u8 if previous.dtype == torch.uint8 else module.flow_f32
    match(previous, current, gate, flow)
    return flow


def reproject(values: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Return `values` moved along `flow`, and where they came from inside the frame.

    values   [C, h, w] uint8 or float32: a picture or a state, of the previous frame
    flow     float32 [2, ⌈h/s⌉, ⌈w/s⌉] for s = 1 or 2, in pixels of `values`: a cell of a coarser
             flow holds for all its pixels
    returns  like `values`, sampled bilinearly at p + flow, edges continued; inside bool [h, w],
             False where p + flow is not in the frame

    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    scale = _check_values(values, flow)
    launcher = serving(values, flow)
    if launcher is not None:
        return cuda.reproject(launcher, values, flow, scale)
    module = native.serving(values, flow)
    if module is None:
        return reference.reproject(values, flow, scale)
    moved = torch.empty_like(values)
    inside = torch.empty(values.shape[1:], dtype=torch.bool)
    move = module.reproject_u8 if values.dtype == torch.uint8 else module.reproject_f32
    move(values, flow, scale, moved, inside.view(torch.uint8))
    return moved, inside


def shrink(picture: Tensor, factor: int) -> Tensor:
    """Return `picture` u8 [3, H, W] in grey, averaged over squares of `factor` pixels a side.

    returns  u8 [1, H // factor, W // factor]

    What remains at the right and bottom edges is left out. Made for global motion.
    Raises ValueError or TypeError if the picture is no such picture or smaller than one square.
    """
    if picture.dtype != torch.uint8 or picture.ndim != 3 or picture.shape[0] != 3:
        raise TypeError(f"shrink needs u8 [3, H, W], got {picture.dtype} {tuple(picture.shape)}")
    height, width = picture.shape[1] // factor, picture.shape[2] // factor
    if not 1 <= factor <= 64 or min(height, width) < 1 or not picture.is_contiguous():
        raise ValueError(
            "shrink needs a contiguous picture of at least one square of 1 to 64 pixels, "
            f"got {tuple(picture.shape)} and {factor}"
        )
    launcher = serving(picture)
    if launcher is not None:
        return cuda.shrink(launcher, picture, factor)
    module = native.serving(picture)
    if module is None:
        return reference.shrink(picture, factor)
    small = torch.empty((1, height, width), dtype=torch.uint8)
    module.shrink(picture, factor, small)
    return small


def _check_pictures(previous: Tensor, current: Tensor) -> None:
    if previous.dtype not in (torch.uint8, torch.float32) or previous.dtype != current.dtype:
        raise TypeError(
            "block_matching needs two uint8 or two float32 pictures, "
            f"got {previous.dtype} and {current.dtype}"
        )
    shape = tuple(previous.shape)
    if len(shape) != 3 or shape[0] not in (1, 3) or 0 in shape or shape != tuple(current.shape):
        raise ValueError(
            "block_matching needs two pictures [3, h, w] or [1, h, w] of one size, "
            f"got {shape} and {tuple(current.shape)}"
        )
    if not (previous.is_contiguous() and current.is_contiguous()):
        raise ValueError("block_matching needs contiguous tensors: call .contiguous() first")


def _check_values(values: Tensor, flow: Tensor) -> int:
    """Return how many pixels of `values`, each way, one cell of `flow` stands for."""
    if values.dtype not in (torch.uint8, torch.float32) or flow.dtype != torch.float32:
        raise TypeError(
            "reproject needs uint8 or float32 values and a float32 flow, "
            f"got {values.dtype} and {flow.dtype}"
        )
    if values.ndim == 3 and values.numel() and values.is_contiguous() and flow.is_contiguous():
        height, width = values.shape[1:]
        for scale in (1, 2):
            if tuple(flow.shape) == (2, -(-height // scale), -(-width // scale)):
                return scale
    raise ValueError(
        "reproject needs contiguous values [C, h, w] and a flow [2, h, w] or [2, ⌈h/2⌉, ⌈w/2⌉], "
        f"got {tuple(values.shape)} and {tuple(flow.shape)}"
    )
