"""What a depth network would make of exact depth: wobble, noise, bursts, soft edges, false trust.

The constants are those that the refiner was specified with; what they model:

wobble      the whole map's scale (AR(1), 0.8 to 2 %) and shift of inverse depth
noise       correlated in space and time, larger far away and where the teacher is unreliable
bursts      a patch that is wrong by up to 10 % and recovers within frames
edges       contours that shift by parts of a pixel from frame to frame
bias        a fixed error of the whole clip that no filter can know
false trust patches, as behind glass, that are wrong for long and said to be sure
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from stereocast.training.scenes.draws import Draws

_STREAM = 31  # tells these draws from those of scenes and weather
SHUFFLED_SHARE = 0.2
"""Share of clips whose said error belongs to another part of the picture."""


@dataclass(frozen=True)
class Teacher:
    """A teacher's frames; both float32 [T, h, w].

    log_depth  log metres
    sigma      the error it expects, log units; what it says, not the truth
    """

    log_depth: Tensor
    sigma: Tensor


def corrupt(log_depth: Tensor, seed: int, *numbers: int) -> Teacher:
    """Return what a teacher of that seed makes of exact log depth [T, h, w].

    The same depth and numbers always give the same teacher.
    """
    draws = Draws(_STREAM, seed, *numbers)
    frames, height, width = log_depth.shape
    size = (height, width)
    noise = _noise(frames, size, draws)
    sigma = _sigma(log_depth, frames, size, draws)
    bursts = _bursts(frames, size, draws)
    glass = _glass(frames, size, draws)
    bias = _field(1, (6, 8), size, draws) * 0.012 * draws.normal(0.5)
    error = sigma * noise + bursts + glass + bias
    jittered = _jitter_edges(log_depth, draws)
    teacher = _wobble(jittered + error, draws)
    said = (sigma + 0.5 * bursts.abs()) * torch.exp(
        0.25 * _field(frames, (7, 9), size, draws, memory=0.75)
    )
    if draws.uniform(0, 1) < SHUFFLED_SHARE:
        said = said.flip(2).roll(height // 3, 1)
    return Teacher(teacher, said)


def _wobble(log_depth: Tensor, draws: Draws) -> Tensor:
    frames = log_depth.shape[0]
    scale = _ar(frames, (1,), draws, memory=0.8, news=0.6) * draws.uniform(0.008, 0.02)
    shift = _ar(frames, (1,), draws, memory=0.8, news=0.6) * draws.uniform(0.0, 0.006)
    inverse = (-log_depth).exp()
    typical = inverse.flatten(1).median(1).values.median()
    # 0.006 per metre was meant for rooms of about three metres.
    moved = (inverse + (3 * typical) * shift[:, :, None]).maximum(0.3 * inverse)
    return -moved.log() + scale[:, :, None]


def _noise(frames: int, size: tuple[int, int], draws: Draws) -> Tensor:
    slow = _field(frames, (7, 9), size, draws, memory=0.75)
    quick = _field(frames, (13, 17), size, draws, memory=0.4)
    white = torch.randn(frames, *size, generator=draws.generator)
    return 0.65 * slow + 0.6 * quick + 0.45 * white


def _sigma(log_depth: Tensor, frames: int, size: tuple[int, int], draws: Draws) -> Tensor:
    unreliable = torch.sigmoid(1.5 * _field(frames, (5, 7), size, draws, memory=0.95))
    typical = log_depth.flatten(1).median(1).values.median()
    far = ((log_depth - typical).exp() * 3 / 12).clamp_max(1.5)
    return 0.004 + 0.022 * unreliable * (0.4 + far)


def _bursts(frames: int, size: tuple[int, int], draws: Draws) -> Tensor:
    burst, maps = torch.zeros(size), []
    for _ in range(frames):
        burst = 0.8 * burst
        if draws.uniform(0, 1) < 0.08:
            burst = burst + _patch(size, draws) * draws.uniform(-0.1, 0.1)
        maps.append(burst)
    return torch.stack(maps)


def _glass(frames: int, size: tuple[int, int], draws: Draws) -> Tensor:
    """Return the errors of which nothing is said: in a third of the clips a patch that comes."""
    wrong = torch.zeros(frames, *size)
    if draws.uniform(0, 1) < 0.33 and frames > 2:
        begin = draws.whole(0, frames - 2)
        patch = _patch(size, draws) * draws.uniform(0.04, 0.12) * draws.whole(0, 1)
        wrong[begin : begin + draws.whole(2, max(2, frames // 2))] = patch
    return wrong


def _jitter_edges(log_depth: Tensor, draws: Draws) -> Tensor:
    """Sample each map beside its pixels, by a random smooth displacement of a third of a pixel."""
    frames, height, width = log_depth.shape
    moves = [0.3 * _field(frames, (13, 17), (height, width), draws) for _ in range(2)]
    x = torch.arange(width) + moves[0]
    y = torch.arange(height)[:, None] + moves[1]
    places = torch.stack((2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1), 3)
    moved: Tensor = grid_sample(
        log_depth[:, None], places, mode="bilinear", padding_mode="border", align_corners=True
    )[:, 0]
    return moved


def _patch(size: tuple[int, int], draws: Draws) -> Tensor:
    """Return a soft round patch [h, w], 1 in its middle."""
    height, width = size
    x0, y0 = draws.uniform(0, width), draws.uniform(0, height)
    radius = draws.uniform(0.08, 0.2) * width
    distance = (torch.arange(width) - x0).square() + (torch.arange(height)[:, None] - y0).square()
    return torch.exp(-distance / (2 * radius**2))


def _field(
    frames: int, cells: tuple[int, int], size: tuple[int, int], draws: Draws, *, memory: float = 0.0
) -> Tensor:
    """Return smooth noise [T, h, w] of deviation about 1, AR(1) in time with that memory."""
    coarse = _ar(frames, cells, draws, memory=memory, news=math.sqrt(1 - memory**2))
    fine = interpolate(coarse[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    return 1.3 * fine  # interpolation takes about a quarter of the deviation


def _ar(frames: int, shape: tuple[int, ...], draws: Draws, *, memory: float, news: float) -> Tensor:
    """Return an AR(1) process [T, *shape] that starts in its stationary state."""
    drawn = torch.randn(frames, *shape, generator=draws.generator)
    values = [drawn[0] * news / math.sqrt(1 - memory**2)]
    for news_now in drawn[1:]:
        values.append(memory * values[-1] + news * news_now)
    return torch.stack(values)
