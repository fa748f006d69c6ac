"""Whether two forms of an operation agree: bit for bit, or within a tolerance off edges."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Agreement:
    """How two results of one operation differ.

    largest  absolute difference off the allowed flips
    flips    share of elements that differ by more than the tolerance
    agrees   whether that is allowed
    """

    largest: float
    flips: float
    agrees: bool

    def report(self) -> dict[str, object]:
        """Say it to a program."""
        return {"largest": self.largest, "flips": self.flips, "agrees": self.agrees}


def compare(
    actual: Tensor, expected: Tensor, *, tolerance: float = 0.0, most_flips: float = 0.0
) -> Agreement:
    """Hold a result against its reference.

    tolerance   absolute; 0: bit for bit
    most_flips  share of elements that may be beyond it: pixels at edges of depth, where the last
                bit of an exponential decides which surface is seen

    Raises ValueError for results of different shapes or dtypes.
    """
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        raise ValueError(
            f"results differ in kind: {actual.dtype} {tuple(actual.shape)} and "
            f"{expected.dtype} {tuple(expected.shape)}"
        )
    if not actual.numel():
        return Agreement(0.0, 0.0, True)
    one, other = actual.double(), expected.double()
    same = (one == other) | (one.isnan() & other.isnan())
    difference = torch.where(same, 0.0, (one - other).abs().nan_to_num(nan=torch.inf))
    beyond = difference > tolerance
    flips = float(beyond.double().mean())
    inside = difference[~beyond]
    largest = float(inside.max()) if inside.numel() else 0.0
    return Agreement(largest if flips <= most_flips else float(difference.max()), flips,
                     flips <= most_flips)  # fmt: skip


def worst(agreements: list[Agreement]) -> Agreement:
    """Return the one that says most against agreement."""
    return max(agreements, key=lambda each: (not each.agrees, each.flips, each.largest))
