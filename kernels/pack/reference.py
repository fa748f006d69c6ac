"""Packing in plain PyTorch: the definition that the native and CUDA kernels agree with."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from stereocast.kernels.pack.packing import Packing, Pixels, Squeeze, strip_scale

_LUMA = (5983, 20127, 2032)  # BT.709 limited range, × 2¹⁵
_BLUE = (-3297, -11095, 14392)
_RED = (14392, -13072, -1320)
_SHARP = (-3, -9, 29, 111, 111, 29, -9, -3)  # antialiased bicubic, a = -0.5, at half size, × 2⁸
_REACH = len(_SHARP) // 2 - 1  # taps before the first of the two that a new pixel covers


def pack_pictures(
    pictures: Sequence[Tensor], packing: Packing, *, strip: Tensor | None = None
) -> Tensor:
    """Pack as `stereocast.kernels.pack.pack_pictures` says; shapes and dtypes as there."""
    parts = [_fit(picture, packing) for picture in pictures]
    rows = [
        torch.cat(parts[first : first + packing.columns], dim=2)
        for first in range(0, len(parts), packing.columns)
    ]
    rgb = torch.cat(rows, dim=1)  # int [3, H', W']
    boxes = packing.eye_corners(parts[0].shape[1], parts[0].shape[2])
    scale = strip_scale(parts[0].shape[1])
    if packing.pixels in (Pixels.RGB, Pixels.PLANAR):
        if strip is not None:
            _stamp(rgb, boxes, strip, scale, levels=(0, 255))
        planar = rgb.to(torch.uint8)
        return planar.permute(1, 2, 0).contiguous() if packing.pixels is Pixels.RGB else planar
    luma = (_weigh(rgb, _LUMA) + (16 << 15) + (1 << 14)) >> 15
    blocks = rgb[:, 0::2] + rgb[:, 1::2]
    blocks = blocks[:, :, 0::2] + blocks[:, :, 1::2]
    blue = (_weigh(blocks, _BLUE) + (128 << 17) + (1 << 16)) >> 17
    red = (_weigh(blocks, _RED) + (128 << 17) + (1 << 16)) >> 17
    if strip is not None:
        _stamp(luma[None], boxes, strip, scale, levels=(16, 235))
        for top, left in boxes:
            area = (
                slice(top // 2, top // 2 + 16 * scale),
                slice(left // 2, left // 2 + 160 * scale),
            )
            blue[area] = red[area] = 128
    chroma = (
        torch.stack((blue, red), dim=-1).flatten()
        if packing.pixels is Pixels.NV12
        else torch.cat((blue.flatten(), red.flatten()))
    )
    return torch.cat((luma.flatten(), chroma)).reshape(-1, luma.shape[1]).to(torch.uint8)


def _fit(picture: Tensor, packing: Packing) -> Tensor:
    """Squeeze if asked, then repeat the last row and column until both sizes are even."""
    values = picture.int()
    if packing.squeeze is Squeeze.WIDTH:
        values = _halved(values, sharp=packing.sharp)
    elif packing.squeeze is Squeeze.HEIGHT:
        values = _halved(values.transpose(1, 2), sharp=packing.sharp).transpose(1, 2)
    return _repeat(values, (0, values.shape[2] % 2, 0, values.shape[1] % 2))


def _halved(values: Tensor, *, sharp: bool) -> Tensor:
    """Halve the last axis; beyond its ends the first and the last value go on."""
    width = values.shape[2]
    half = (width + 1) // 2
    if not sharp:
        values = _repeat(values, (0, width % 2, 0, 0))
        return (values[:, :, 0::2] + values[:, :, 1::2] + 1) >> 1
    values = _repeat(values, (_REACH, _REACH + 1 + width % 2, 0, 0))
    taps = [weight * values[:, :, i : i + 2 * half : 2] for i, weight in enumerate(_SHARP)]
    return ((torch.stack(taps).sum(0) + 128) >> 8).clamp(0, 255).int()


def _repeat(values: Tensor, sides: tuple[int, int, int, int]) -> Tensor:
    return pad(values[None].float(), sides, mode="replicate")[0].int()


def _weigh(rgb: Tensor, weights: tuple[int, int, int]) -> Tensor:
    return rgb[0] * weights[0] + rgb[1] * weights[1] + rgb[2] * weights[2]


def _stamp(
    planes: Tensor, corners: Sequence[tuple[int, int]], strip: Tensor, scale: int,
    levels: tuple[int, int],
) -> None:  # fmt: skip
    """Draw both barcode rows into the left and the right eye of [C, H, W], in place."""
    source, encoded = (int(counter) for counter in strip)
    for eye, (top, left) in enumerate(corners):
        for row, value in enumerate((source & 0xFFFFFF, eye << 23 | encoded & 0x7FFFFF)):
            begin = top + row * 16 * scale
            check = zlib.crc32(value.to_bytes(4, "little")) & 0xFFFF
            word = value << 16 | check
            bits = torch.tensor([word >> (39 - bit) & 1 for bit in range(40)], dtype=planes.dtype)
            cells = (levels[0] + (levels[1] - levels[0]) * bits).repeat_interleave(8 * scale)
            planes[:, begin : begin + 16 * scale, left : left + len(cells)] = cells
