"""Pack pictures into one, in the encoder's colour format, in one pass.

Both eyes beside or above each other, whole or squeezed, or a grid of pictures; I420, NV12 or RGB;
a barcode in both eyes if asked. What is mixed from both eyes is `stereocast.kernels.formats`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.launch import serving
from stereocast.kernels.pack import cuda, reference
from stereocast.kernels.pack.packing import STRIP_BITS, Packing, Pixels, Squeeze, strip_scale

__all__ = ["STRIP_BITS", "Packing", "Pixels", "Squeeze", "pack_pictures", "pack_sbs"]

_MOST = 4
_PIXELS = tuple(Pixels)
_SQUEEZES = tuple(Squeeze)


def pack_pictures(
    pictures: Sequence[Tensor], packing: Packing, *, strip: Tensor | None = None
) -> Tensor:
    """Return pictures of one size as one picture, row by row.

    pictures  1 to 4 of [3, H, W] uint8 RGB, full range; their count fills rows of
              `packing.columns`. With a strip: two, the left eye first, or second if crossed
    strip     int64 [2], source counter and encoder counter: stamp a barcode at the top left of
              each eye. Row 1 is the source counter; row 2 is an eye bit (1 = right) above the
              low 23 bits of the encoder counter. A cell is 8 × 16 px times max(1, H' // 720) for an
              eye of H' rows, luma 16 for 0 and 235 for 1 (in RGB black and white); the check is
              the low half of CRC-32 over the 24 bits as 4 little-endian bytes
    returns   uint8, see `Pixels`. Every picture is padded to even sizes by repeating its last row
              and column; chroma is the mean of 2×2 pixels

    Raises ValueError or TypeError if sizes or dtypes do not fit, or an eye is too small for the
    barcode. Source: ITU-R BT.709-6 §3, in 15-bit fixed point; R. Keys 1981, bicubic a = -0.5.
    """
    _check(pictures, packing, strip)
    launcher = serving(*pictures)
    if launcher is not None:
        return cuda.pack_pictures(launcher, pictures, packing, strip=strip)
    module = native.serving(*pictures)
    if module is None:
        return reference.pack_pictures(pictures, packing, strip=strip)
    height, width = pictures[0].shape[1:]
    surface = torch.empty(packing.surface_shape(height, width, len(pictures)), dtype=torch.uint8)
    part = packing.part_size(height, width)
    squeeze = _SQUEEZES.index(packing.squeeze)
    if squeeze and packing.sharp:
        squeeze += 2
    pixels = _PIXELS.index(packing.pixels)
    flat = surface.view(-1)
    module.pack(list(pictures), packing.columns, squeeze, pixels, part, flat)
    if strip is not None:
        size = packing.columns * part[1], len(pictures) // packing.columns * part[0]
        corners = torch.tensor(packing.eye_corners(*part))
        module.stamp_strip(flat, *size, pixels, corners, strip_scale(part[0]), strip)
    return surface


def pack_sbs(
    left: Tensor, right: Tensor, *, half_width: bool = False, strip: Tensor | None = None
) -> Tensor:
    """Return both eyes side by side as one I420 picture.

    left, right  [3, H, W] uint8 RGB, full range
    half_width   squeeze each eye to half its width (mean of column pairs)
    strip        as in `pack_pictures`
    returns      uint8 [H'·3/2, W']

    Raises as `pack_pictures`.
    """
    squeeze = Squeeze.WIDTH if half_width else Squeeze.NONE
    return pack_pictures((left, right), Packing(squeeze=squeeze), strip=strip)


def _check(pictures: Sequence[Tensor], packing: Packing, strip: Tensor | None) -> None:
    count, columns = len(pictures), packing.columns
    if not 1 <= count <= _MOST or not 1 <= columns <= count or count % columns:
        raise ValueError(f"pack needs 1 to {_MOST} pictures in full rows of {columns}, got {count}")
    first = pictures[0]
    for picture in pictures:
        if picture.dtype != torch.uint8:
            raise TypeError(f"pack needs uint8 pictures, got {picture.dtype}")
        if picture.ndim != 3 or picture.shape[0] != 3 or 0 in picture.shape:
            raise ValueError(f"pack needs pictures [3, H, W], got {tuple(picture.shape)}")
        if picture.shape != first.shape:
            raise ValueError(
                "pack needs pictures of the same size, "
                f"got {tuple(first.shape)} and {tuple(picture.shape)}"
            )
        if not picture.is_contiguous():
            raise ValueError("pack needs contiguous tensors: call .contiguous() first")
    if strip is not None:
        _check_strip(strip, count, packing.part_size(first.shape[1], first.shape[2]))


def _check_strip(strip: Tensor, count: int, part: tuple[int, int]) -> None:
    if strip.dtype != torch.int64 or strip.shape != (2,):
        raise TypeError(f"pack needs a strip of int64 [2], got {strip.dtype} {tuple(strip.shape)}")
    if count != 2:
        raise ValueError(f"the barcode is for two eyes, got {count} pictures")
    scale = strip_scale(part[0])
    if part[1] < STRIP_BITS * 8 * scale or part[0] < 32 * scale:
        raise ValueError(
            f"the barcode needs {STRIP_BITS * 8 * scale}×{32 * scale} pixels per packed eye, "
            f"this one has {part[1]}×{part[0]}"
        )
