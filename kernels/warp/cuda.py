"""The launch of the CUDA form; kernel.cu says what it computes."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.launch import Launcher

_THREADS = 256
_KEY_BYTES = 8  # of shared memory per view column


def warp_eyes(
    launcher: Launcher, image: Tensor, disparity: Tensor, gains: Tensor, *, tear_px: float,
    half_width: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return views, view disparities and holes; see `warp.warp_eyes`."""
    eyes, (height, width) = len(gains), disparity.shape
    columns = (width + 1) // 2 if half_width else width
    views = image.new_empty(eyes, 3, height, columns)
    view_disparities = disparity.new_empty(eyes, height, columns)
    holes = disparity.new_empty(eyes, height, columns, dtype=torch.bool)
    kind = "u8" if image.dtype == torch.uint8 else "f32"
    launcher.launch(
        "warp", f"stereocast_warp_eyes_{kind}", grid=(height, eyes), block=(_THREADS,),
        shared_bytes=_KEY_BYTES * columns,
        args=(image, disparity, gains, tear_px, int(half_width), width, views, view_disparities,
              holes),
    )  # fmt: skip
    return views, view_disparities, holes
