"""How two eyes share one picture. Imports nothing, so that processes without torch can use it."""

from __future__ import annotations

from enum import StrEnum


class Layout(StrEnum):
    """Arrangement of the left and the right eye in the packed picture."""

    FULL_SBS = "full-sbs"
    """Left eye beside right eye, each at full width."""
    HALF_SBS = "half-sbs"
    """Left eye beside right eye, each squeezed to half its width."""

    def packed_size(self, height: int, width: int) -> tuple[int, int]:
        """Return (height, width) of the packed picture for eyes of height × width.

        Each eye is padded to even sizes, as 4:2:0 chroma demands: rows to a multiple of 2 and its
        columns in the packed picture to a multiple of 2.
        """
        eye_width = width if self is Layout.FULL_SBS else (width + 1) // 2
        return height + height % 2, 2 * (eye_width + eye_width % 2)
