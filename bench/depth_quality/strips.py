"""Pictures that show steadiness: one row of every frame under the other, and depth side by side."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from stereocast.bench.depth_quality.clips import ScoredClip
from stereocast.bench.depth_quality.methods import Method, Options

_SCALE = 3  # pixels of the picture for one of the map
_GAP = 4


def time_slices(scored: ScoredClip, methods: Mapping[str, Method], options: Options) -> Tensor:
    """Return x-t slices u8 [3, H, W]: the middle row over time, exact depth first, then methods.

    Steady depth of a camera at rest is vertical lines, a noisy one is frayed.
    """
    maps = _maps(scored, methods, options)
    row = maps[0].shape[1] // 2
    return _beside([_grey(each[:, row], maps[0]) for each in maps])


def depth_strips(
    scored: ScoredClip, methods: Mapping[str, Method], options: Options, *, every: int = 8
) -> Tensor:
    """Return a table u8 [3, H, W]: pictures, exact depth and methods as rows, time to the right."""
    maps = _maps(scored, methods, options)
    frames = range(0, scored.clip.frames, every)
    rows = [_beside([scored.clip.picture[index] for index in frames], scale=1)]
    for each in maps:
        rows.append(_beside([_grey(each[index], maps[0]) for index in frames], scale=1))
    return _above(rows)


def _maps(scored: ScoredClip, methods: Mapping[str, Method], options: Options) -> list[Tensor]:
    answers = [method(scored.clip, scored.teacher, options) for method in methods.values()]
    return [scored.clip.log_depth, *(answer.log_depth for answer in answers)]


def _grey(log_depth: Tensor, reference: Tensor) -> Tensor:
    """Return inverse depth u8 [3, H, W], near is bright, in the range of the exact one."""
    inverse, exact = (-log_depth).exp(), (-reference).exp().flatten()
    low, high = exact[::7].quantile(0.01), exact[::7].quantile(0.99)
    share = ((inverse - low) / (high - low)).clamp(0, 1)
    return (255 * share).to(torch.uint8).expand(3, *share.shape)


def _beside(pictures: list[Tensor], *, scale: int = _SCALE) -> Tensor:
    large = [each.repeat_interleave(scale, 1).repeat_interleave(scale, 2) for each in pictures]
    gap = torch.full((3, large[0].shape[1], _GAP), 255, dtype=torch.uint8)
    parts = [part for each in large for part in (each, gap)][:-1]
    return torch.cat(parts, 2)


def _above(rows: list[Tensor]) -> Tensor:
    gap = torch.full((3, _GAP, rows[0].shape[2]), 255, dtype=torch.uint8)
    parts = [part for row in rows for part in (row, gap)][:-1]
    return torch.cat(parts, 1)
