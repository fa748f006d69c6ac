"""What a packed picture looks like: arrangement, squeezing, pixel format. No pixels here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

STRIP_BITS = 40
"""Cells of one barcode row: a 24-bit counter, then a 16-bit check, most significant bit first."""


class Squeeze(StrEnum):
    """Which size of every picture is halved."""

    NONE = "none"
    WIDTH = "width"
    HEIGHT = "height"


class Pixels(StrEnum):
    """The form of a packed picture of H × W pixels; H and W are even."""

    I420 = "i420"
    """uint8 [H·3/2, W]: luma, then both chroma planes; BT.709 limited range."""
    NV12 = "nv12"
    """uint8 [H·3/2, W]: luma, then chroma pairs; BT.709 limited range."""
    RGB = "rgb"
    """uint8 [H, W, 3], full range."""
    PLANAR = "planar"
    """uint8 [3, H, W], full range."""


@dataclass(frozen=True)
class Packing:
    """How pictures of one size become one picture.

    columns  pictures in a row
    squeeze  which of their sizes is halved first
    sharp    halve by an antialiased bicubic filter instead of the mean of two pixels
    crossed  the first picture is the right eye: matters for barcodes only
    pixels   the form of the result
    """

    columns: int = 2
    squeeze: Squeeze = Squeeze.NONE
    sharp: bool = False
    crossed: bool = False
    pixels: Pixels = Pixels.I420

    def part_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the even (height, width) that one picture of height × width takes."""
        height = (height + 1) // 2 if self.squeeze is Squeeze.HEIGHT else height
        width = (width + 1) // 2 if self.squeeze is Squeeze.WIDTH else width
        return height + height % 2, width + width % 2

    def surface_shape(self, height: int, width: int, count: int) -> tuple[int, ...]:
        """Return the shape of the result for `count` pictures of height × width."""
        part_height, part_width = self.part_size(height, width)
        rows, columns = part_height * (count // self.columns), part_width * self.columns
        match self.pixels:
            case Pixels.RGB:
                return rows, columns, 3
            case Pixels.PLANAR:
                return 3, rows, columns
        return rows * 3 // 2, columns

    def eye_corners(self, part_height: int, part_width: int) -> list[tuple[int, int]]:
        """Return (top, left) of the left and of the right eye among two pictures."""
        second = (0, part_width) if self.columns == 2 else (part_height, 0)
        return [second, (0, 0)] if self.crossed else [(0, 0), second]


def strip_scale(part_height: int) -> int:
    """Return how many times its smallest size the barcode has in an eye of so many rows."""
    return max(1, part_height // 720)
