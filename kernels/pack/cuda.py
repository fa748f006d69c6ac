"""The launches of the CUDA form; kernel.cu says what they compute."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from torch import Tensor

from stereocast.kernels.launch import TILE, Launcher, blocks, tiles
from stereocast.kernels.pack.packing import STRIP_BITS, Packing, Pixels, Squeeze, strip_scale

_OP = "pack"
_PIXELS = tuple(Pixels)
_SQUEEZES = tuple(Squeeze)
_MOST = 4  # pictures
_CELL = (16, 8)  # rows and columns of a barcode's cell at its smallest


def pack_pictures(
    launcher: Launcher, pictures: Sequence[Tensor], packing: Packing, *, strip: Tensor | None
) -> Tensor:
    """Return pictures as one picture; see `pack.pack_pictures`."""
    height, width = pictures[0].shape[1:]
    part_height, part_width = packing.part_size(height, width)
    columns, rows = packing.columns, len(pictures) // packing.columns
    whole = rows * part_height, columns * part_width
    pixels = _PIXELS.index(packing.pixels)
    squeeze = _SQUEEZES.index(packing.squeeze)
    if squeeze and packing.sharp:
        squeeze += 2
    surface = pictures[0].new_empty(packing.surface_shape(height, width, len(pictures)))
    absent = [None] * (_MOST - len(pictures))
    launcher.launch(
        _OP, "stereocast_pack", grid=tiles(blocks(whole[0], 2), blocks(whole[1], 2)), block=TILE,
        args=(*pictures, *absent, height, width, columns, rows, part_height, part_width, squeeze,
              pixels, surface),
    )  # fmt: skip
    if strip is not None:
        scale = strip_scale(part_height)
        across, down = STRIP_BITS * _CELL[1] * scale, 2 * _CELL[0] * scale
        corners = chain(*packing.eye_corners(part_height, part_width))
        launcher.launch(
            _OP, "stereocast_pack_strip", grid=(*tiles(down, across), 2), block=TILE,
            args=(surface, *whole, pixels, *corners, scale, strip),
        )  # fmt: skip
    return surface
