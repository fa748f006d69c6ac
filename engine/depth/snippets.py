"""Which frames a multi-frame depth network sees together: snippets with gaps, by frame number.

Only numbers live here; the depth maps of the snippets are brought together in align.py.

Source: RollingDepth (prs-eth/RollingDepth, arXiv 2411.19189). Where upstream's cap of the gap
falls to 0 in clips shorter than two snippets, and upstream then fails, ours stays at 1; a clip
shorter than one snippet is one snippet of all its frames. So every clip of at least one frame has
snippets, and every frame is in one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

LENGTH = 3
"""Frames per snippet; the published weights take three."""

FAST, FULL = (1, 25), (1, 10, 25)
"""Published sets of dilations: for speed, and for the best result."""

Snippet = tuple[int, ...]
"""Frame numbers in rising order."""


def capped_dilation(dilation: int, *, frames: int, length: int = LENGTH) -> int:
    """Return the gap between a snippet's frames, small enough for a clip of so many frames."""
    return max(1, min(dilation, frames // length - 1))


def annealed_dilation(start: int, end: int, *, step: int, steps: int) -> int:
    """Return the gap in refinement step `step` of `steps`, on its way from `start` to `end`.

    Rounded as upstream rounds, in floating point: (1 − 0.8)·5 is a little less than 1.
    """
    return int((1 - step / steps) * (start - end)) + end


def dilated(frames: int, *, dilation: int, length: int = LENGTH) -> tuple[Snippet, ...]:
    """Return every snippet of `length` frames that are `dilation` apart, in a clip of `frames`.

    Empty where not one fits. Raises ValueError for numbers below 1.
    """
    if min(frames, dilation, length) < 1:
        raise ValueError(
            f"frames, dilation and length must be at least 1, got {frames}, {dilation}, {length}"
        )
    reach = (length - 1) * dilation
    return tuple(
        tuple(range(first, first + reach + 1, dilation)) for first in range(frames - reach)
    )


def snippets(
    frames: int, *, dilations: Sequence[int] = FAST, length: int = LENGTH
) -> tuple[Snippet, ...]:
    """Return the snippets of a clip, for each dilation in turn; every frame is in at least one.

    frames     length of the clip, from 1
    dilations  gaps; 1 must be among them, because only it reaches every frame of every clip.
               Gaps too large for the clip are capped, and equal ones then used once.

    Raises ValueError without dilation 1 or for numbers below 1.
    """
    if 1 not in dilations:
        raise ValueError(f"dilations must contain 1, got {tuple(dilations)}")
    length = max(1, min(length, frames))
    gaps = dict.fromkeys(capped_dilation(gap, frames=frames, length=length) for gap in dilations)
    return tuple(
        snippet for gap in gaps for snippet in dilated(frames, dilation=gap, length=length)
    )
