"""Smooth silhouettes of the ray caster's definition: mixing by analytic coverage at id edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor


def plane_coverage(sides: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the share of each pixel between two pairs of opposite lines.

    sides  four of (value at the pixels' centres [H, W], coefficients [3]), positive inside
    """
    shares = [
        (0.5 + value / torch.hypot(linear[0], linear[1])).clamp(0, 1) for value, linear in sides
    ]
    across = (shares[0] + shares[1] - 1).clamp(0, 1)
    return across * (shares[2] + shares[3] - 1).clamp(0, 1)


def ball_coverage(value: Tensor, half_gradient: Sequence[Tensor]) -> Tensor:
    """Return the share of each pixel where a conic is positive, to first order."""
    steepness = 2 * torch.hypot(half_gradient[0], half_gradient[1])
    return (0.5 + value / steepness.clamp_min(1e-30)).clamp(0, 1)


def mix_edges(
    rgb: Tensor, depth: Tensor, ids: Tensor, coverages: Mapping[int, Callable[[], Tensor]]
) -> Tensor:
    """Mix each pixel on an edge with the neighbour of another id whose 1/Z differs most.

    The edge is the outline of the nearer of the two, or, where that one fills the pixel, of the
    farther one. The pixel's own id keeps at least half, because its centre has decided; an outline
    of the other that encloses the centre anyway is not this edge (the surfaces intersect).
    """
    there = _most_different(depth, ids)
    flat_ids, edge = ids.reshape(-1).long(), (there >= 0).reshape(-1)
    here = torch.nonzero(edge)[:, 0]
    there = there.reshape(-1)[here]
    own_id, other_id = flat_ids[here], flat_ids[there]
    own = torch.ones(len(here), dtype=torch.float64, device=rgb.device)
    other = own.clone()
    for number in sorted({*own_id.tolist(), *other_id.tolist()}):
        if number >= 0:
            share = coverages[number]().reshape(-1)[here]
            own = torch.where(own_id == number, share, own)
            other = torch.where(other_id == number, share, other)
    by_own, by_other = own.clamp_min(0.5), torch.maximum(other, 1 - other)
    flat_depth = depth.reshape(-1)
    own_is_nearer = flat_depth[here] <= flat_depth[there]
    own_share = torch.where(
        own_is_nearer,
        torch.where(own >= 1, by_other, by_own),
        torch.where(other >= 1, by_own, by_other),
    )
    flat = rgb.reshape(3, -1)
    mixed = flat.clone()
    both = own_share * flat[:, here] + (1 - own_share) * flat[:, there] + 0.5
    mixed[:, here] = both.to(torch.uint8)
    return mixed.reshape(rgb.shape)


def _most_different(depth: Tensor, ids: Tensor) -> Tensor:
    """Return the flat index of each pixel's neighbour across the deepest edge, −1 for none."""
    height, width = ids.shape
    index = torch.arange(height * width, device=ids.device).reshape(height, width)
    best = torch.full((height, width), -1.0, device=ids.device)
    there = torch.full_like(index, -1)
    for dy, dx in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        own = (slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0)))
        next_to = (slice(max(dy, 0), height - max(-dy, 0)), slice(max(dx, 0), width - max(-dx, 0)))
        gap = (1 / depth[next_to] - 1 / depth[own]).abs()
        better = (ids[next_to] != ids[own]) & (gap > best[own])
        best[own] = torch.where(better, gap, best[own])
        there[own] = torch.where(better, index[next_to], there[own])
    return there
