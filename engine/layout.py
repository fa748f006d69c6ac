"""How two eyes share one picture. Imports nothing heavy: processes without torch use it, too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LARGEST_HALF_SPHERE_PX = 2048
"""Side of one eye in VR180 at most: H.264 decoders of headsets stop at 4096 columns."""


@dataclass(frozen=True)
class Box:
    """Where one eye is in a packed picture, pixels; the origin is top left."""

    top: int
    left: int
    height: int
    width: int


class Layout(StrEnum):
    """Arrangement of the left and the right eye in the packed picture.

    The first five and VR180 keep both eyes as pictures of their own; the others are for looking at.
    """

    FULL_SBS = "full-sbs"
    """Left eye beside right eye, each at full width."""
    HALF_SBS = "half-sbs"
    """Left eye beside right eye, each squeezed to half its width."""
    FULL_TB = "full-tb"
    """Left eye above right eye, each at full height."""
    HALF_TB = "half-tb"
    """Left eye above right eye, each squeezed to half its height."""
    CROSS_EYED = "cross-eyed"
    """Right eye beside left eye, each at full width: for squinting."""
    ANAGLYPH = "anaglyph"
    """Both eyes in one picture, for red-cyan glasses."""
    RGB_DEPTH = "rgb-depth"
    """The picture beside its depth, near is bright: for displays that make the views themselves."""
    DEBUG_GRID = "debug-grid"
    """Left and right eye above depth and the difference of the eyes."""
    VR180 = "vr180"
    """Left eye beside right eye, each a square half sphere (equirectangular, 180°)."""

    @property
    def is_squeezed(self) -> bool:
        """Whether each eye has half its columns or rows."""
        return self in (Layout.HALF_SBS, Layout.HALF_TB)

    @property
    def is_stacked(self) -> bool:
        """Whether the left eye is above the right one."""
        return self in (Layout.FULL_TB, Layout.HALF_TB)

    @property
    def keeps_both_eyes(self) -> bool:
        """Whether each eye is a picture of its own, which can be cut out."""
        return self not in (Layout.ANAGLYPH, Layout.RGB_DEPTH, Layout.DEBUG_GRID)

    def packed_size(self, height: int, width: int) -> tuple[int, int]:
        """Return (height, width) of the packed picture for eyes of height × width.

        Each part is padded to even sizes, as 4:2:0 chroma demands.
        """
        match self:
            case Layout.HALF_SBS:
                return _even(height), 2 * _even((width + 1) // 2)
            case Layout.FULL_TB:
                return 2 * _even(height), _even(width)
            case Layout.HALF_TB:
                return 2 * _even((height + 1) // 2), _even(width)
            case Layout.ANAGLYPH:
                return _even(height), _even(width)
            case Layout.DEBUG_GRID:
                return 2 * _even(height), 2 * _even(width)
            case Layout.VR180:
                side = half_sphere_size(height, width)
                return side, 2 * side
        return _even(height), 2 * _even(width)

    def eye_boxes(self, height: int, width: int) -> tuple[Box, Box]:
        """Return where the left and the right eye are in a packed picture of height × width.

        Raises ValueError for a layout that keeps no eyes, or where the picture has no two halves.
        """
        if not self.keeps_both_eyes:
            raise ValueError(f"a {self} picture has no two eyes to cut out")
        if self.is_stacked:
            if height % 2:
                raise ValueError(f"a {self} picture has an even height, this one has {height} rows")
            return Box(0, 0, height // 2, width), Box(height // 2, 0, height // 2, width)
        if width % 2:
            raise ValueError(f"a {self} picture has an even width, this one has {width} columns")
        first, second = Box(0, 0, height, width // 2), Box(0, width // 2, height, width // 2)
        return (second, first) if self is Layout.CROSS_EYED else (first, second)

    def eye_size(self, height: int, width: int) -> tuple[int, int]:
        """Return (height, width) of one eye, unsqueezed, in a packed picture of height × width.

        Raises ValueError as `eye_boxes`.
        """
        box = self.eye_boxes(height, width)[0]
        match self:
            case Layout.HALF_SBS:
                return box.height, 2 * box.width
            case Layout.HALF_TB:
                return 2 * box.height, box.width
        return box.height, box.width


class View(StrEnum):
    """How a stream is shown, whatever its layout."""

    PACKED = "packed"
    """As it comes."""
    LEFT = "left"
    RIGHT = "right"
    SBS = "sbs"
    """Left eye beside right eye, both in their true proportions."""
    ANAGLYPH = "anaglyph"
    """For red-cyan glasses."""


def half_sphere_size(height: int, width: int) -> int:
    """Return the side of the square that holds one eye of VR180, even, pixels.

    One and a half times the longer edge: at the centre the picture keeps about its own resolution.
    """
    return min(LARGEST_HALF_SPHERE_PX, _even(max(height, width) * 3 // 2))


def _even(size: int) -> int:
    return size + size % 2
