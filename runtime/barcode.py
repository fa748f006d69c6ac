"""The latency strip: two rows of machine-readable cells in the top-left corner of each eye.

Row 1 carries the source's frame counter, row 2 one eye bit and the encoder's counter; each value
is 24 bits followed by a 16-bit check. Here is the reader for decoded luma and a plain writer in
the same geometry; the product stamps its pictures in `stereocast.kernels.pack`. Pixels prove which
picture was shown: a header can be right while the picture is an old one.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stereocast.engine.layout import Layout

VALUE_BITS = 24
CHECK_BITS = 16
CELLS = VALUE_BITS + CHECK_BITS
CELL_WIDTH_PX = 8
CELL_HEIGHT_PX = 16
ROWS = 2

LUMA_ZERO = 16
LUMA_ONE = 235
LUMA_THRESHOLD = 126

RIGHT_EYE_BIT = 1 << (VALUE_BITS - 1)
SOURCE_MASK = (1 << VALUE_BITS) - 1
ENCODER_MASK = RIGHT_EYE_BIT - 1

Luma = npt.NDArray[np.uint8]
_WEIGHTS = 1 << np.arange(CELLS - 1, -1, -1, dtype=np.int64)


@dataclass(frozen=True)
class EyeStrip:
    """What the strip of one eye says.

    source   counter of the source frame, modulo 2²⁴
    encoder  counter of the encoded picture, modulo 2²³
    right    True where the strip belongs to the right eye
    """

    source: int
    encoder: int
    right: bool


def check(value: int) -> int:
    """Return the 16 check bits of a 24-bit value: the low half of zlib's CRC-32 of 4 LE bytes."""
    return zlib.crc32(value.to_bytes(4, "little")) & 0xFFFF


def strip_size(eye_height: int) -> tuple[int, int]:
    """Return (height, width) in pixels of both rows in an eye of this many rows."""
    scale = _scale(eye_height)
    return ROWS * CELL_HEIGHT_PX * scale, CELLS * CELL_WIDTH_PX * scale


def read_eye(luma: Luma) -> EyeStrip | None:
    """Read the strip of one eye.

    luma     [H, W] uint8, any strides
    returns  None where either check fails, or where the eye is too small to hold a strip
    """
    height, width = strip_size(luma.shape[0])
    if luma.shape[0] < height or luma.shape[1] < width:
        return None
    scale = _scale(luma.shape[0])
    cell_height, cell_width = CELL_HEIGHT_PX * scale, CELL_WIDTH_PX * scale
    cells = luma[:height, :width].reshape(ROWS, cell_height, CELLS, cell_width)
    # Only the centre half: block edges and chroma-driven ringing live at the borders of a cell.
    centre = cells[
        :, cell_height // 4 : cell_height * 3 // 4, :, cell_width // 4 : cell_width * 3 // 4
    ]
    total = centre.sum(axis=(1, 3), dtype=np.int64)  # [ROWS, CELLS]
    words = (total > LUMA_THRESHOLD * (centre.shape[1] * centre.shape[3])) @ _WEIGHTS
    source, second = (_checked(int(word)) for word in words)
    if source is None or second is None:
        return None
    return EyeStrip(source, second & ENCODER_MASK, bool(second & RIGHT_EYE_BIT))


def read_picture(luma: Luma, layout: Layout) -> tuple[EyeStrip | None, EyeStrip | None]:
    """Read the strips of the left and of the right eye of a packed picture.

    luma     [H, W] uint8 of the whole picture, any strides
    returns  None for both where the layout keeps no eyes

    The strip is stamped after squeezing, so squeezed layouts are read like whole ones. Raises
    ValueError where the picture has no two halves.
    """
    if not layout.keeps_both_eyes:
        return None, None
    left, right = eyes(luma, layout)
    return read_eye(left), read_eye(right)


def eyes(luma: Luma, layout: Layout) -> tuple[Luma, Luma]:
    """Return views of the left and of the right eye of a packed picture.

    Raises ValueError for a layout that keeps no eyes, or where the picture has no two halves.
    """
    left, right = (
        luma[box.top : box.top + box.height, box.left : box.left + box.width]
        for box in layout.eye_boxes(*luma.shape)
    )
    return left, right


def draw_eye(luma: Luma, *, source: int, encoder: int, right: bool) -> None:
    """Stamp both rows into the top-left corner of one eye, in place.

    Counters wrap at 24 and 23 bits. Raises ValueError where the eye is too small for the strip.
    """
    height, width = strip_size(luma.shape[0])
    if luma.shape[0] < height or luma.shape[1] < width:
        raise ValueError(
            f"the strip needs {width}×{height} pixels, the eye has {luma.shape[1]}×{luma.shape[0]}"
        )
    second = (RIGHT_EYE_BIT if right else 0) | encoder & ENCODER_MASK
    words = np.array([[_word(source & SOURCE_MASK)], [_word(second)]], dtype=np.int64)
    levels = np.where(words & _WEIGHTS, LUMA_ONE, LUMA_ZERO).astype(np.uint8)
    scale = _scale(luma.shape[0])
    luma[:height, :width] = levels.repeat(CELL_HEIGHT_PX * scale, axis=0).repeat(
        CELL_WIDTH_PX * scale, axis=1
    )


def draw_picture(luma: Luma, layout: Layout, *, source: int, encoder: int) -> None:
    """Stamp both eyes of a packed picture, in place; ValueError where the strip does not fit."""
    for right, eye in enumerate(eyes(luma, layout)):
        draw_eye(eye, source=source, encoder=encoder, right=bool(right))


def _scale(eye_height: int) -> int:
    return max(1, eye_height // 720)


def _word(value: int) -> int:
    return value << CHECK_BITS | check(value)


def _checked(word: int) -> int | None:
    value = word >> CHECK_BITS
    return value if check(value) == word & 0xFFFF else None
