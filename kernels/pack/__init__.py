"""Pack both eyes side by side into the encoder's colour format, in one pass.

I420, BT.709, limited range; each eye at full width or squeezed to half; a barcode in both eyes if
asked. Other arrangements belong to `stereocast.kernels.formats`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.pack import reference

STRIP_BITS = 40
"""Cells of one barcode row: a 24-bit counter, then a 16-bit check, most significant bit first."""


def pack_sbs(
    left: Tensor, right: Tensor, *, half_width: bool = False, strip: Tensor | None = None
) -> Tensor:
    """Return both eyes as one I420 picture.

    left, right  [3, H, W] uint8 RGB, full range
    half_width   squeeze each eye to half its width (mean of column pairs)
    strip        int64 [2], source counter and encoder counter: stamp a barcode at the top left of
                 each eye. Row 1 is the source counter; row 2 is an eye bit (1 = right) above the
                 low 23 bits of the encoder counter. A cell is 8 × 16 px times max(1, H // 720),
                 luma 16 for 0 and 235 for 1; the check is the low half of CRC-32 over the 24 bits
                 as 4 little-endian bytes
    returns      uint8 [H'·3/2, W']: luma, then the two chroma planes. Every eye is padded to even
                 sizes by repeating its last row and column; chroma is the mean of 2×2 pixels

    Raises ValueError or TypeError if sizes or dtypes do not fit, or an eye is too small for the
    barcode. Source: ITU-R BT.709-6 §3, in 15-bit fixed point.
    """
    _check(left, right, half_width, strip)
    module = native.serving(left, right)
    if module is None:
        return reference.pack_sbs(left, right, half_width=half_width, strip=strip)
    eye_height, eye_width = _even_eye(left, half_width)
    surface = torch.empty((eye_height * 3 // 2, 2 * eye_width), dtype=torch.uint8)
    module.pack_sbs(left, right, half_width, surface)
    if strip is not None:
        module.stamp_strip(surface, strip)
    return surface


def _even_eye(eye: Tensor, half_width: bool) -> tuple[int, int]:
    height, width = eye.shape[1:]
    width = (width + 1) // 2 if half_width else width
    return height + height % 2, width + width % 2


def _check(left: Tensor, right: Tensor, half_width: bool, strip: Tensor | None) -> None:
    if left.dtype != torch.uint8 or right.dtype != torch.uint8:
        raise TypeError(f"pack_sbs needs uint8 eyes, got {left.dtype} and {right.dtype}")
    if left.ndim != 3 or left.shape[0] != 3 or left.shape != right.shape or 0 in left.shape:
        raise ValueError(
            "pack_sbs needs two eyes [3, H, W] of the same size, "
            f"got {tuple(left.shape)} and {tuple(right.shape)}"
        )
    if not (left.is_contiguous() and right.is_contiguous()):
        raise ValueError("pack_sbs needs contiguous tensors: call .contiguous() first")
    if strip is None:
        return
    if strip.dtype != torch.int64 or strip.shape != (2,):
        raise TypeError(
            f"pack_sbs needs a strip of int64 [2], got {strip.dtype} {tuple(strip.shape)}"
        )
    eye_height, eye_width = _even_eye(left, half_width)
    scale = max(1, eye_height // 720)
    if eye_width < STRIP_BITS * 8 * scale or eye_height < 32 * scale:
        raise ValueError(
            f"the barcode needs {STRIP_BITS * 8 * scale}×{32 * scale} pixels per packed eye, "
            f"this one has {eye_width}×{eye_height}"
        )
