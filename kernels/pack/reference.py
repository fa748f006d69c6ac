"""Packing in plain PyTorch: the definition that the native and CUDA kernels agree with."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor
from torch.nn.functional import pad

_LUMA = (5983, 20127, 2032)  # BT.709 limited range, × 2¹⁵
_BLUE = (-3297, -11095, 14392)
_RED = (14392, -13072, -1320)


def pack_sbs(left: Tensor, right: Tensor, *, half_width: bool, strip: Tensor | None) -> Tensor:
    """Pack as `stereocast.kernels.pack.pack_sbs` says; shapes and dtypes as there."""
    eyes = torch.cat([_fit(left, half_width), _fit(right, half_width)], dim=2)
    luma = (_weigh(eyes, _LUMA) + (16 << 15) + (1 << 14)) >> 15
    blocks = eyes[:, 0::2] + eyes[:, 1::2]
    blocks = blocks[:, :, 0::2] + blocks[:, :, 1::2]
    blue = (_weigh(blocks, _BLUE) + (128 << 17) + (1 << 16)) >> 17
    red = (_weigh(blocks, _RED) + (128 << 17) + (1 << 16)) >> 17
    if strip is not None:
        _stamp(luma, blue, red, strip)
    width = eyes.shape[2]
    planes = [plane.flatten() for plane in (luma, blue, red)]
    return torch.cat(planes).reshape(-1, width).to(torch.uint8)


def _fit(eye: Tensor, half_width: bool) -> Tensor:
    """Squeeze if asked, then repeat the last row and column until both sizes are even."""
    values = eye.int()
    if half_width:
        values = _repeat_last(values, values.shape[2] % 2, 0)
        values = (values[:, :, 0::2] + values[:, :, 1::2] + 1) >> 1
    return _repeat_last(values, values.shape[2] % 2, values.shape[1] % 2)


def _repeat_last(values: Tensor, columns: int, rows: int) -> Tensor:
    return pad(values[None].float(), (0, columns, 0, rows), mode="replicate")[0].int()


def _weigh(rgb: Tensor, weights: tuple[int, int, int]) -> Tensor:
    return rgb[0] * weights[0] + rgb[1] * weights[1] + rgb[2] * weights[2]


def _stamp(luma: Tensor, blue: Tensor, red: Tensor, strip: Tensor) -> None:
    """Draw both barcode rows into both eyes, in place."""
    height, width = luma.shape
    scale = max(1, height // 720)
    source, encoded = (int(counter) for counter in strip)
    for eye in (0, 1):
        left = eye * width // 2
        for row, value in enumerate((source & 0xFFFFFF, eye << 23 | encoded & 0x7FFFFF)):
            top = row * 16 * scale
            check = zlib.crc32(value.to_bytes(4, "little")) & 0xFFFF
            word = value << 16 | check
            bits = torch.tensor([word >> (39 - bit) & 1 for bit in range(40)], dtype=luma.dtype)
            cells = (16 + 219 * bits).repeat_interleave(8 * scale)
            luma[top : top + 16 * scale, left : left + len(cells)] = cells
        area = (slice(0, 16 * scale), slice(left // 2, left // 2 + 160 * scale))
        blue[area] = red[area] = 128
