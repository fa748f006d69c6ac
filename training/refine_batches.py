"""Which crops of which clips a training step sees, and what their teachers say."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.refine.step import Observation
from stereocast.training.corruption import corrupt
from stereocast.training.refine_clips import ClipCache, RefineClip
from stereocast.training.refine_settings import RefinerSettings
from stereocast.training.scenes.draws import Draws

_STREAM = 32
DT_S = 1 / 30


@dataclass(frozen=True)
class Batch:
    """Windows of L frames of B clips.

    frames  L observations
    truth   float32 [L, B, h, w], log of exact metres
    cut     bool [L, B], a cut that the scene detector sees
    """

    frames: tuple[Observation, ...]
    truth: Tensor
    cut: Tensor


@dataclass(frozen=True)
class _Window:
    """One clip's part of a batch, all [L, …]."""

    picture: Tensor
    flow: Tensor
    depth: Tensor
    sigma: Tensor
    truth: Tensor
    cut: Tensor


def draw_batch(settings: RefinerSettings, clips: ClipCache, step: int) -> Batch:
    """Return the batch of a step; it depends on the settings' seed and on nothing before."""
    draws = Draws(_STREAM, settings.seed, step)
    length = settings.burn_in + settings.window_at(step)
    has_own = draws.uniform(0, 1) < settings.own_share
    windows = []
    for _ in range(settings.batch):
        number = settings.first_clip + draws.whole(0, settings.clips - 1)
        windows.append(_window(clips.clip(number), length, settings, draws))
    sigma = torch.stack([window.sigma for window in windows], 1)
    depth = torch.stack([window.depth for window in windows], 1)
    picture = torch.stack([window.picture for window in windows], 1)
    flow = torch.stack([window.flow for window in windows], 1)
    batch = settings.batch
    frames = tuple(
        Observation(
            depth[i], picture[i], flow[i], torch.full((batch,), DT_S), torch.ones(batch),
            sigma[i] if has_own else None,
        )
        for i in range(length)
    )  # fmt: skip
    truth = torch.stack([window.truth for window in windows], 1)
    return Batch(frames, truth, torch.stack([window.cut for window in windows], 1))


def _window(clip: RefineClip, length: int, settings: RefinerSettings, draws: Draws) -> _Window:
    begin = draws.whole(0, clip.frames - length)
    span = slice(begin, begin + length)
    teacher = corrupt(clip.log_depth[span], draws.whole(0, 2**31 - 1))
    # Even offsets: the flow has one cell for two pixels.
    top = 2 * draws.whole(0, (settings.height - settings.crop_height) // 2)
    left = 2 * draws.whole(0, (settings.width - settings.crop_width) // 2)
    rows, columns = (
        slice(top, top + settings.crop_height), slice(left, left + settings.crop_width),
    )  # fmt: skip
    half = (slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2))
    seen = torch.rand(length, generator=draws.generator) < settings.detected
    window = _Window(
        picture=clip.picture[span, :, rows, columns],
        flow=clip.flow[span, :, half[0], half[1]],
        depth=teacher.log_depth[:, rows, columns].exp(),
        sigma=teacher.sigma[:, rows, columns],
        truth=clip.log_depth[span, rows, columns],
        cut=clip.cut[span] & seen,
    )
    return _mirrored(window) if draws.whole(0, 1) else window


def _mirrored(window: _Window) -> _Window:
    flow = window.flow.flip(3)
    return _Window(
        window.picture.flip(3), torch.stack((-flow[:, 0], flow[:, 1]), 1), window.depth.flip(2),
        window.sigma.flip(2), window.truth.flip(2), window.cut,
    )  # fmt: skip
