"""Comparison of pictures whose discontinuities may fall one pixel to either side."""

from __future__ import annotations

from torch import Tensor


def assert_close_off_edges(
    actual: Tensor, expected: Tensor, edges: Tensor, atol: float, max_flips: int
) -> None:
    """Demand |actual − expected| ≤ atol off `edges`, and no more than `max_flips` misses on them.

    actual, expected  [..., H, W]; infinities are close where both have them
    edges             [H, W] bool: pixels where rounding may decide for the other side; flips there
                      must also be unbiased when they are many: neither side may win three to one
    """
    assert actual.shape == expected.shape, f"{list(actual.shape)} is not {list(expected.shape)}"
    assert actual.dtype == expected.dtype, f"{actual.dtype} is not {expected.dtype}"
    error = actual.double() - expected.double()
    error[actual == expected] = 0  # inf − inf
    size = error.abs().reshape(-1, *edges.shape).amax(dim=0)
    size[size.isnan()] = float("inf")
    wrong = (size > atol) & ~edges
    assert not wrong.any(), (
        f"{int(wrong.sum())} pixels off edges differ by up to {float(size[wrong].max()):g} "
        f"(allowed {atol:g}), first at {wrong.nonzero()[0].tolist()}"
    )
    flips = (size > atol) & edges
    assert int(flips.sum()) <= max_flips, f"{int(flips.sum())} flips on edges, allowed {max_flips}"
    up = int((error.reshape(-1, *edges.shape)[:, flips] > 0).any(dim=0).sum())
    down = int((error.reshape(-1, *edges.shape)[:, flips] < 0).any(dim=0).sum())
    assert up + down < 40 or max(up, down) <= 3 * min(up, down), (
        f"flips on edges are biased: {up} up, {down} down"
    )
