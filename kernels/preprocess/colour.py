"""The numbers behind YCbCr: one table of matrices and their fixed-point form.

The reference and the native kernel both compute with `FixedPoint`, so their results are equal. No
pixels are touched here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Matrix = Literal["bt601", "bt709", "bt2020"]

# Weights of red and blue in luma. Sources: ITU-R BT.601-7, BT.709-6 and BT.2020-2 (non-constant).
LUMA_WEIGHTS: dict[str, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}

# 13 bits of fraction: the rounding of a coefficient moves no result by more than 0.04 of a level,
# and sums of 16-bit samples still fit 32 bits.
FRACTION_BITS = 13


@dataclass(frozen=True)
class Scale:
    """What turns YCbCr codes into R'G'B' in [0, 1]: subtract the offsets, then multiply.

    luma     for all three channels      red_v, blue_u    of Cr in red, of Cb in blue
    green_u, green_v  of Cb and Cr in green, both negative
    """

    luma_offset: int
    chroma_offset: int
    luma: float
    red_v: float
    green_u: float
    green_v: float
    blue_u: float


class FixedPoint(NamedTuple):
    """`Scale` × 255 in integers: out = (sum of products + half) >> shift, clamped to [0, 255]."""

    luma_offset: int
    chroma_offset: int
    luma: int
    red_v: int
    green_u: int
    green_v: int
    blue_u: int
    shift: int


def scale(matrix: Matrix, full_range: bool, bits: int) -> Scale:
    """Return the real-valued conversion for codes of `bits` bits.

    Raises ValueError for an unknown matrix and for bits outside [8, 16].
    """
    if matrix not in LUMA_WEIGHTS:
        raise ValueError(f"matrix must be one of {', '.join(LUMA_WEIGHTS)}, got {matrix!r}")
    if not 8 <= bits <= 16:
        raise ValueError(f"bits must be in [8, 16], got {bits}")
    red, blue = LUMA_WEIGHTS[matrix]
    green = 1.0 - red - blue
    step = 1 << (bits - 8)
    luma_span, chroma_span = (256 * step - 1,) * 2 if full_range else (219 * step, 224 * step)
    return Scale(
        luma_offset=0 if full_range else 16 * step,
        chroma_offset=128 * step,
        luma=1.0 / luma_span,
        red_v=2.0 * (1.0 - red) / chroma_span,
        green_u=-2.0 * (1.0 - blue) * blue / green / chroma_span,
        green_v=-2.0 * (1.0 - red) * red / green / chroma_span,
        blue_u=2.0 * (1.0 - blue) / chroma_span,
    )


def fixed_point(matrix: Matrix, full_range: bool, bits: int) -> FixedPoint:
    """Return the integer conversion to 8-bit R'G'B'. Raises as `scale` does."""
    real = scale(matrix, full_range, bits)
    shift = FRACTION_BITS + bits - 8
    one = 255 * (1 << shift)
    return FixedPoint(
        real.luma_offset,
        real.chroma_offset,
        round(real.luma * one),
        round(real.red_v * one),
        round(real.green_u * one),
        round(real.green_v * one),
        round(real.blue_u * one),
        shift,
    )
