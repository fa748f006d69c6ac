"""The network grid that suits a picture."""

from __future__ import annotations

import math

PATCH_PX = 14
"""Sides are multiples of this: the patch of the vision transformers that depth comes from."""

_LONGEST_PX = 2044


def fitted_grid(cells: int, frame_size: tuple[int, int]) -> tuple[int, int]:
    """Return (h, w), multiples of `PATCH_PX`, of about `cells` cells and the picture's shape.

    A portrait picture squeezed into a landscape grid would lose most of its rows. Between grids,
    a wrong shape counts as much as a wrong number of cells, both as ratios. Pictures so slim that
    the longer side would pass 2044 get fewer cells.
    """
    shape = frame_size[1] / frame_size[0]

    def misfit(grid: tuple[int, int]) -> float:
        return abs(math.log(grid[1] / grid[0] / shape)) + abs(math.log(grid[0] * grid[1] / cells))

    rows = math.sqrt(cells / shape) / PATCH_PX
    columns = rows * shape
    return min(
        (
            (_side(round(rows) + up), _side(round(columns) + right))
            for up in (-1, 0, 1)
            for right in (-1, 0, 1)
        ),
        key=misfit,
    )


def _side(patches: int) -> int:
    return min(max(patches, 1) * PATCH_PX, _LONGEST_PX)
