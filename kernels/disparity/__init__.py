"""Silhouettes of a disparity map: how soft they are, and how to make them as sharp as the picture.

What range the depth has, and how it becomes disparity, is decided in `stereocast.engine.stereo`.

Depth networks draw the edge of a near thing as a ramp several pixels wide. Warped, a ramp becomes
rubber: stretched background on one side, a halo on the other. Here every pixel of a ramp is given
to the near or to the far surface beside it. Where no ramp is, nothing changes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.disparity import cuda, reference
from stereocast.kernels.launch import serving

STEP_PX = 1.5
"""Surfaces closer to each other than this many pixels of disparity are left as they are."""
REACH = 0.68
"""Reach of the window in which both surfaces are looked for, in units of the softness.

A Gaussian of sigma s has softness 2.5 s. PSNR is flat between 0.55 and 0.75, above it falls: more
than two surfaces come into the window. Below 0.65 the made eye flickers more.
"""
REACH_MAX_PX = 16
"""No window reaches farther than this, however soft the depth is."""


def softness(disparity: Tensor) -> Tensor:
    """Measure how wide the ramps of the silhouettes are.

    disparity  [h, w] float32, pixels
    returns    float32 [1]: the median over all silhouettes of step height / steepest slope, in
               cells of the map. 1 is hard, 0 says that there are too few silhouettes to tell

    Slopes are no silhouettes, however steep: only what levels out on both sides counts.
    """
    _check(disparity, None)
    launcher = serving(disparity)
    if launcher is not None:
        return cuda.softness(launcher, disparity, reference.block_cells(disparity))
    module = native.serving(disparity)
    if module is None:
        return reference.softness(disparity)
    measured = torch.empty(1)
    module.disparity_softness(disparity, reference.block_cells(disparity), measured)
    return measured


def sharpen(disparity: Tensor, softness: Tensor, *, image: Tensor | None = None) -> Tensor:
    """Return the disparity float32 [H, W] with every ramp at a silhouette made a step.

    disparity  float32 [H, W], pixels, positive is nearer
    softness   float32 [1], as `softness` measures it; below 1.6 nothing is changed
    image      u8 [3, H, W], the picture: it knows where between both surfaces the edge is. None:
               half way up the ramp

    A pixel whose window spans more than `STEP_PX` becomes as near as the nearest or as far as the
    farthest value in it; single rows that decide otherwise than those above and below are outvoted.
    From a reach of 2 px on near surfaces are widened sideways by a pixel, from 14 px on by two: a
    seam of background is seen less than a cut into the near surface, and trembles less.
    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    _check(disparity, image)
    if image is not None and tuple(image.shape[1:]) != tuple(disparity.shape):
        raise ValueError(
            "sharpen needs an image as large as the disparity (joint_upsample takes others), "
            f"got {tuple(image.shape)} and {tuple(disparity.shape)}"
        )
    return _silhouettes(disparity, softness, image, (disparity.shape[0], disparity.shape[1]))


def joint_upsample(disparity: Tensor, softness: Tensor, *, image: Tensor) -> Tensor:
    """Return the disparity float32 [H, W] of a coarser grid, its silhouettes as in the picture.

    disparity  float32 [h, w], pixels of the picture, positive is nearer
    softness   float32 [1] in cells of the grid; less than 1 is taken for 1
    image      u8 [3, H, W]

    Bilinear interpolation, then what `sharpen` does, in one pass: a step between two cells of the
    grid would otherwise become a ramp as wide as a cell.
    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    _check(disparity, image)
    return _silhouettes(disparity, softness, image, (image.shape[1], image.shape[2]))


def _silhouettes(
    disparity: Tensor, softness: Tensor, image: Tensor | None, size: tuple[int, int]
) -> Tensor:
    if softness.dtype != torch.float32 or softness.shape != (1,):
        raise ValueError(
            f"softness must be float32 [1], got {softness.dtype} {list(softness.shape)}"
        )
    tensors = (disparity, softness) if image is None else (disparity, softness, image)
    limits = (STEP_PX, REACH, REACH_MAX_PX)
    launcher = serving(*tensors)
    if launcher is not None:
        return cuda.silhouettes(launcher, disparity, softness, image, size, limits=limits)
    module = native.serving(*tensors)
    if module is None:
        return reference.silhouettes(disparity, softness, image, size, limits=limits)
    out = torch.empty(size)
    module.disparity_silhouettes(disparity, softness, image, *limits, out)
    return out


def _check(disparity: Tensor, image: Tensor | None) -> None:
    if disparity.dtype != torch.float32 or (image is not None and image.dtype != torch.uint8):
        got = disparity.dtype if image is None else f"{disparity.dtype} and {image.dtype}"
        raise TypeError(f"silhouettes need a float32 disparity and a uint8 image, got {got}")
    if disparity.ndim != 2 or min(disparity.shape) < 1:
        raise ValueError(f"disparity must be [H, W], got {tuple(disparity.shape)}")
    if image is not None and (image.ndim != 3 or image.shape[0] != 3 or image[0].numel() < 1):
        raise ValueError(f"the image must be [3, H, W], got {tuple(image.shape)}")
    if not (disparity.is_contiguous() and (image is None or image.is_contiguous())):
        raise ValueError("silhouettes need contiguous tensors: call .contiguous() first")
