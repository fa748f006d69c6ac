"""Which crops of which clips a training step sees, and what their teachers say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.engine.refine.step import Observation
from stereocast.training.corruption import corrupt
from stereocast.training.refine_clips import ClipCache, RefineClip
from stereocast.training.refine_settings import RefinerSettings, TeacherSettings
from stereocast.training.scenes.draws import Draws
from stereocast.training.teachers import DT_S, SaidCache

_STREAM = 32
_TRIES = 100  # to find a window without a cut


@dataclass(frozen=True)
class Batch:
    """Windows of L frames of B clips.

    frames    L observations
    truth     float32 [L, B, h, w], log of exact metres
    cut       bool [L, B], a cut that the scene detector sees
    relative  whether depth is inverse depth without a unit, of a network; else metres
    """

    frames: tuple[Observation, ...]
    truth: Tensor
    cut: Tensor
    relative: bool


@dataclass(frozen=True)
class _Window:
    """One clip's part of a batch, all [L, …]; sigma None: the teacher says nothing of its error."""

    picture: Tensor
    flow: Tensor
    depth: Tensor
    sigma: Tensor | None
    truth: Tensor
    cut: Tensor


@dataclass(frozen=True)
class _Crop:
    """The part of a clip that a window shows: frames, and rows and columns from even ones on."""

    span: slice
    rows: slice
    columns: slice

    def of(self, maps: Tensor) -> Tensor:
        """Return that part of maps [T, …, h, w]."""
        return maps[self.span, ..., self.rows, self.columns]

    def of_flow(self, flow: Tensor) -> Tensor:
        """Return that part of motion [T, 2, ⌈h/2⌉, ⌈w/2⌉], which has one cell for two pixels."""
        rows = slice(self.rows.start // 2, self.rows.stop // 2)
        return flow[self.span, :, rows, self.columns.start // 2 : self.columns.stop // 2]


def draw_batch(
    settings: RefinerSettings, clips: ClipCache, said: SaidCache | None, step: int
) -> Batch:
    """Return the batch of a step; it depends on the settings' seed and on nothing before.

    clips  for the specified errors
    said   for the errors of a network, where the settings name one
    """
    draws = Draws(_STREAM, settings.seed, step)
    length = settings.burn_in + settings.window_at(step)
    teacher = settings.teacher
    if teacher is not None and said is not None and draws.uniform(0, 1) < teacher.share:
        return _batch([_said_window(said, length, teacher, draws)], relative=True)
    has_own = draws.uniform(0, 1) < settings.own_share
    windows = []
    for _ in range(settings.batch):
        number = settings.first_clip + draws.whole(0, settings.clips - 1)
        windows.append(_window(clips.clip(number), length, settings, draws, has_own))
    return _batch(windows, relative=False)


def _batch(windows: list[_Window], *, relative: bool) -> Batch:
    def stacked(name: str) -> Tensor:
        return torch.stack([getattr(window, name) for window in windows], 1)

    count = len(windows)
    depth, picture, flow = stacked("depth"), stacked("picture"), stacked("flow")
    sigma = None if windows[0].sigma is None else stacked("sigma")
    frames = tuple(
        Observation(
            depth[i], picture[i], flow[i], torch.full((count,), DT_S), torch.ones(count),
            None if sigma is None else sigma[i],
        )
        for i in range(len(depth))
    )  # fmt: skip
    return Batch(frames, stacked("truth"), stacked("cut"), relative)


def _window(
    clip: RefineClip, length: int, settings: RefinerSettings, draws: Draws, has_own: bool
) -> _Window:
    """Return a window with a teacher of the specified errors."""
    crop = _crop(settings, draws.whole(0, clip.frames - length), length, draws)
    teacher = corrupt(clip.log_depth[crop.span], draws.whole(0, 2**31 - 1))
    seen = torch.rand(length, generator=draws.generator) < settings.detected
    inside = replace(crop, span=slice(None))
    window = _Window(
        picture=crop.of(clip.picture),
        flow=crop.of_flow(clip.flow),
        depth=inside.of(teacher.log_depth).exp(),
        sigma=inside.of(teacher.sigma) if has_own else None,
        truth=crop.of(clip.log_depth),
        cut=clip.cut[crop.span] & seen,
    )
    return _mirrored(window) if draws.whole(0, 1) else window


def _said_window(said: SaidCache, length: int, settings: TeacherSettings, draws: Draws) -> _Window:
    """Return a window of one shot with the depth that a network gave it."""
    for _ in range(_TRIES):
        clip, depth = said.clip(settings.first_clip + draws.whole(0, settings.clips - 1))
        begin = draws.whole(0, clip.frames - length)
        if not clip.cut[begin + 1 : begin + length].any():
            break
    else:
        raise ConfigError(
            f"teacher: of {settings.clips} clips none was found with {length} frames of one shot; "
            "have more clips or a shorter window"
        )
    crop = _crop(settings, begin, length, draws)
    window = _Window(
        picture=crop.of(clip.picture),
        flow=crop.of_flow(clip.flow),
        depth=crop.of(depth),
        sigma=None,
        truth=crop.of(clip.log_depth),
        cut=torch.zeros(length, dtype=torch.bool),
    )
    return _mirrored(window) if draws.whole(0, 1) else window


def _crop(
    settings: RefinerSettings | TeacherSettings, begin: int, length: int, draws: Draws
) -> _Crop:
    top = 2 * draws.whole(0, (settings.height - settings.crop_height) // 2)
    left = 2 * draws.whole(0, (settings.width - settings.crop_width) // 2)
    rows = slice(top, top + settings.crop_height)
    return _Crop(slice(begin, begin + length), rows, slice(left, left + settings.crop_width))


def _mirrored(window: _Window) -> _Window:
    flow = window.flow.flip(3)
    return replace(
        window,
        picture=window.picture.flip(3),
        flow=torch.stack((-flow[:, 0], flow[:, 1]), 1),
        depth=window.depth.flip(2),
        sigma=None if window.sigma is None else window.sigma.flip(2),
        truth=window.truth.flip(2),
    )
