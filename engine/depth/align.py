"""Bring the depth maps of overlapping snippets to one scale and shift, in closed form, and merge.

Each snippet k has its own unknown scale s and shift t. They are the ones that bring the aligned
maps a = s·x + t of every frame closest to their mean, summed over frames, with mean(s) = 1 and
mean(t) = 0 so that flattening everything is no solution. That is quadratic in (s, t): one linear
system of 2n unknowns and 2 multipliers, built from 2×2 blocks of moments. Outliers (a moving thing
that one snippet got wrong) are taken out by solving a few times with robust weights.

For a whole clip; the causal form for streams is in align_stream.py. All sums are in float64.

Source: Ke et al. 2024, "Video Depth without Video Models" (RollingDepth), which finds s and t by
2000 steps of Adam and stops some 10 % of scale away from the minimum; ours is the minimum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.depth.robust import Loss, spread, weights
from stereocast.engine.depth.snippets import FAST, LENGTH, Snippet, snippets

_ENOUGH_SAMPLES = 512
_TINY = 1e-12  # relative; keeps scale 1, shift 0 where a flat depth map leaves them open


@dataclass(frozen=True)
class AlignConfig:
    """How snippets are aligned."""

    loss: Loss = Loss.TUKEY
    """`squares` is exact for clean depth and fastest; `tukey` ignores outliers."""
    rounds: int = 5
    """Solutions with robust weights after the first one."""
    ridge: float = 0.0
    """Pull of every scale towards 1, relative to the data: least squares shrinks the scale of a
    noisy snippet, and this gives it back."""
    border_px: int = 2
    """Border of the maps that has no say."""
    stride: int = 10
    """Every so-manieth pixel is used; fewer are skipped on small maps."""

    def __post_init__(self) -> None:
        if self.rounds < 0 or self.ridge < 0 or self.border_px < 0 or self.stride < 1:
            raise ValueError(f"rounds, ridge, border_px >= 0 and stride >= 1 wanted, got {self}")


@dataclass(frozen=True)
class Alignment:
    """scale, shift float64 [n]: aligned = scale·x + shift; sigma []: spread of what is left."""

    scale: Tensor
    shift: Tensor
    sigma: Tensor


@dataclass(frozen=True)
class _Overlap:
    """The samples of one frame: members int64 [m] are snippets, depth float64 [m, P]."""

    members: Tensor
    depth: Tensor


def align_clip(
    predict: Callable[[Snippet], Tensor], frames: int, *, dilations: Sequence[int] = FAST,
    length: int = LENGTH, config: AlignConfig | None = None,
) -> Tensor:  # fmt: skip
    """Return the depth of every frame of a clip, float32 [frames, h, w], on one scale.

    predict  called with the frame numbers of each snippet; returns its maps, [len(snippet), h, w]
    frames   length of the clip, from 1: as many maps come out

    Raises ValueError as `snippets` does, or if a prediction has another number of maps.
    """
    plan = snippets(frames, dilations=dilations, length=length)
    depths = [predict(snippet) for snippet in plan]
    return merge(depths, plan, co_align(depths, plan, config=config), config=config)


def co_align(
    depths: Sequence[Tensor], plan: Sequence[Snippet], *, config: AlignConfig | None = None
) -> Alignment:
    """Return the scale and shift of every snippet.

    depths  float [len(snippet), h, w] for each snippet, all on one grid
    plan    the frame numbers of each snippet

    Raises ValueError if the two do not fit together.
    """
    config = config or AlignConfig()
    _check(depths, plan)
    overlaps, centre, unit = _overlaps(depths, plan, config)
    rounds = 0 if config.loss is Loss.SQUARES else config.rounds
    shares = [torch.ones_like(overlap.depth) for overlap in overlaps]
    for round_number in range(rounds + 1):
        scale, shift = _solve(overlaps, shares, count=len(plan), ridge=config.ridge)
        residuals = [_residual(_apply(overlap, scale, shift)) for overlap in overlaps]
        sigma = _spread(residuals)
        if round_number < rounds:
            shares = [weights(residual, sigma, config.loss) for residual in residuals]
    # Both constraints hold for the uncentred maps too, because mean(1 − scale) is 0.
    return Alignment(scale, unit * shift + centre * (1 - scale), unit * sigma)


def merge(
    depths: Sequence[Tensor], plan: Sequence[Snippet], alignment: Alignment, *,
    config: AlignConfig | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean of all aligned copies of each frame, float32 [frames, h, w].

    A copy that is an outlier in a pixel counts there as little as the config's loss says.
    """
    config = config or AlignConfig()
    _check(depths, plan)
    copies: dict[int, list[Tensor]] = {}
    for number, (maps, snippet) in enumerate(zip(depths, plan, strict=True)):
        aligned = alignment.scale[number] * maps.double() + alignment.shift[number]
        for frame, depth in zip(snippet, aligned, strict=True):
            copies.setdefault(frame, []).append(depth)
    merged = []
    for frame in range(len(copies)):
        stack = torch.stack(copies[frame])
        share = weights(_residual(stack), alignment.sigma, config.loss).clamp_min(1e-6)
        merged.append(((share * stack).sum(0) / share.sum(0)).float())
    return torch.stack(merged)


def _check(depths: Sequence[Tensor], plan: Sequence[Snippet]) -> None:
    if not plan or len(depths) != len(plan):
        raise ValueError(f"{len(plan)} snippets need as many predictions, got {len(depths)}")
    grid = tuple(depths[0].shape[1:])
    for maps, snippet in zip(depths, plan, strict=True):
        if tuple(maps.shape) != (len(snippet), *grid) or len(grid) != 2:
            raise ValueError(
                f"snippet {snippet} needs maps of shape {(len(snippet), *grid)}, "
                f"got {tuple(maps.shape)}"
            )
    seen = {frame for snippet in plan for frame in snippet}
    if seen != set(range(len(seen))):
        raise ValueError("every frame from 0 on must be in a snippet")


def _overlaps(
    depths: Sequence[Tensor], plan: Sequence[Snippet], config: AlignConfig
) -> tuple[list[_Overlap], Tensor, Tensor]:
    """Return the samples of every frame with two copies or more, as (depth − centre) / unit.

    Then come the centre and the unit: mean and standard deviation of all samples.
    """
    height, width = depths[0].shape[1:]
    border = config.border_px if min(height, width) > 4 * config.border_px else 0
    inner = (slice(None), slice(border, height - border), slice(border, width - border))
    pixels = (height - 2 * border) * (width - 2 * border)
    stride = max(1, min(config.stride, pixels // _ENOUGH_SAMPLES))
    samples = [maps[inner].flatten(1)[:, ::stride].double() for maps in depths]
    every = torch.cat([values.flatten() for values in samples])
    centre, unit = every.mean(), every.std(correction=0)
    unit = torch.where(unit > 0, unit, torch.ones_like(unit))
    found: dict[int, list[tuple[int, Tensor]]] = {}
    for number, (values, snippet) in enumerate(zip(samples, plan, strict=True)):
        for frame, depth in zip(snippet, values, strict=True):
            found.setdefault(frame, []).append((number, (depth - centre) / unit))
    overlaps = [
        _Overlap(torch.tensor([n for n, _ in copies]), torch.stack([d for _, d in copies]))
        for copies in found.values()
        if len(copies) > 1
    ]
    return overlaps, centre, unit


def _apply(overlap: _Overlap, scale: Tensor, shift: Tensor) -> Tensor:
    return scale[overlap.members, None] * overlap.depth + shift[overlap.members, None]


def _residual(copies: Tensor) -> Tensor:
    """Return the distance of each copy [m, ...] from the middle of its frame's copies.

    The median, which one wrong copy of three cannot move; of two copies it is their mean.
    """
    return copies - copies.quantile(0.5, dim=0, keepdim=True)


def _spread(residuals: list[Tensor]) -> Tensor:
    """Return the spread of all residuals but those that are 0 because they are the median."""
    if not residuals:
        return torch.ones((), dtype=torch.float64)  # nothing to compare, nothing to doubt
    every = torch.cat([residual.flatten() for residual in residuals])
    return spread(every[every != 0] if bool((every != 0).any()) else every)


def _solve(
    overlaps: list[_Overlap], shares: list[Tensor], *, count: int, ridge: float
) -> tuple[Tensor, Tensor]:
    """Return scale and shift float64 [count] of the weighted quadratic problem.

    The unknowns are scale − 1 and shift, so that what the data leave open becomes 1 and 0.
    """
    size = 2 * count
    moments = torch.zeros(size + 2, size + 2, dtype=torch.float64)
    for overlap, share in zip(overlaps, shares, strict=True):
        design = torch.stack((overlap.depth, torch.ones_like(overlap.depth)), 1)  # [m, 2, P]
        weighted = share[:, None] * design
        total = share.sum(0).clamp_min(1e-9)
        cross = -torch.einsum("kip,ljp->kilj", weighted / total, weighted)
        own = torch.einsum("kip,kjp->kij", weighted, design)
        number = torch.arange(len(overlap.members))
        cross[number, :, number] += own
        rows = (2 * overlap.members[:, None] + torch.arange(2)).flatten()
        block = cross.reshape(len(rows), len(rows))
        moments.index_put_((rows[:, None], rows[None, :]), block, accumulate=True)
    target = torch.zeros(size + 2, dtype=torch.float64)
    target[:size] = -moments[:size, 0:size:2].sum(1)
    typical = moments[:size, :size].diagonal().mean().clamp_min(1.0)
    moments[:size, :size] += _TINY * typical * torch.eye(size)
    moments[0:size:2, 0:size:2] += ridge * typical * torch.eye(count)
    for parameter in (0, 1):
        moments[parameter:size:2, size + parameter] = typical
        moments[size + parameter, parameter:size:2] = typical
    solution = torch.linalg.solve(moments, target)[:size]
    return 1 + solution[0::2], solution[1::2]
