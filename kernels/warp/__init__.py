"""Forward warp: move every pixel of one view to where another eye sees it; the nearest wins.

Does not fill what nothing lands on: that is `stereocast.kernels.fill`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.launch import serving
from stereocast.kernels.warp import cuda, reference

TEAR_PX = 1.0
"""Neighbours whose disparities differ by more than this many pixels belong to two surfaces.

At 1 px a surface is stretched to at most twice its width, and cannot fold over itself.
"""


def forward_warp(
    image: Tensor, disparity: Tensor, *, gain: Tensor | float = -1.0
) -> tuple[Tensor, Tensor]:
    """Return the view of another eye, and where nothing landed in it.

    image      [3, H, W] uint8 or float32, the source view
    disparity  [H, W] float32, pixels of the output eye; positive is nearer
    gain       target column = source column + gain · disparity; |gain| <= 1.
               -1: the right eye from the left, +1: the left eye from the right, 0: `image` itself
    returns    view like `image` (0 in holes), and holes [H, W] bool

    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    Source: Fehn 2004, "Depth-image-based rendering"; `warp_eyes` says how.
    """
    views, _, holes = warp_eyes(image, disparity, _one(gain, image))
    return views[0], holes[0]


def warp_with_disparity(
    image: Tensor, disparity: Tensor, *, gain: Tensor | float = -1.0
) -> tuple[Tensor, Tensor]:
    """Warp `image` as `forward_warp` does, and keep the disparity that won at every pixel.

    returns  view like `image` (0 in holes), and its disparity [H, W] float32, -inf in holes
    """
    views, view_disparities, _ = warp_eyes(image, disparity, _one(gain, image))
    return views[0], view_disparities[0]


def warp_eyes(
    image: Tensor, disparity: Tensor, gains: Tensor, *, half_width: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the views of several eyes at once, each as `forward_warp` would give it.

    image       [3, H, W] uint8 or float32, the source view
    disparity   [H, W] float32, pixels of the full-width eye; positive is nearer
    gains       [N] float32, one per eye, see `forward_warp`. 0: the image itself, untouched
    half_width  views of V = (W + 1) // 2 columns, for half-width packing, straight from the source:
                view column = (source column + gain · disparity − 0.5) / 2, and a colour is the mean
                of two samples one source column apart. Equals warping and then averaging pairs of
                columns wherever a pair lies on one surface of constant disparity
    returns     views [N, 3, H, V] like `image` (0 in holes), V = W at full width; their disparities
                [N, H, V] float32 in pixels of the view, -inf in holes; holes [N, H, V] bool

    Every row is a chain of segments between neighbouring pixels, drawn with a z-test on disparity
    (ties go to the larger source column, on every device) and sampled linearly at the exact source
    column. A segment whose ends differ by more than `TEAR_PX` is cut in the middle: each end keeps
    half a pixel of itself, and what lies between stays open.

    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    _check(image, disparity)
    if gains.ndim != 1 or gains.dtype != torch.float32:
        raise ValueError(f"warp_eyes needs gains float32 [N], got {gains.dtype} {gains.shape}")
    launcher = serving(image, disparity, gains)
    if launcher is not None:
        return cuda.warp_eyes(
            launcher, image, disparity, gains, tear_px=TEAR_PX, half_width=half_width
        )
    module = native.serving(image, disparity, gains)
    if module is None:
        return reference.warp_eyes(image, disparity, gains, TEAR_PX, half_width)
    eyes, (height, width) = gains.shape[0], disparity.shape
    width = (width + 1) // 2 if half_width else width
    views = image.new_empty(eyes, 3, height, width)
    view_disparities = disparity.new_empty(eyes, height, width)
    warp = module.warp_u8 if image.dtype == torch.uint8 else module.warp_f32
    holes = disparity.new_empty(eyes, height, width, dtype=torch.bool)
    mask = holes.view(torch.uint8)
    warp(image, disparity, gains, TEAR_PX, half_width, views, view_disparities, mask)
    return views, view_disparities, holes


def _one(gain: Tensor | float, like: Tensor) -> Tensor:
    return torch.as_tensor(gain, dtype=torch.float32, device=like.device).reshape(1)


def _check(image: Tensor, disparity: Tensor) -> None:
    if image.dtype not in (torch.uint8, torch.float32) or disparity.dtype != torch.float32:
        raise TypeError(
            "forward_warp needs a uint8 or float32 image and a float32 disparity, "
            f"got {image.dtype} and {disparity.dtype}"
        )
    if image.ndim != 3 or image.shape[0] != 3 or image.shape[1:] != disparity.shape:
        raise ValueError(
            "forward_warp needs an image [3, H, W] and a disparity [H, W] of the same size, "
            f"got {tuple(image.shape)} and {tuple(disparity.shape)}"
        )
    if not (image.is_contiguous() and disparity.is_contiguous()):
        raise ValueError("forward_warp needs contiguous tensors: call .contiguous() first")
