"""The comfort score: how pleasant a frame's parallax is to look at, from 0 to 1.

    score = exp(−(5 · beyond + 0.1 · depth² + 0.25 · pace² + 5 · window))

    beyond  share of the picture whose parallax is beyond the budget of `comfort` 0.5
    depth   parallax from the nearest to the farthest, over the budgets' sum
    pace    mean change of parallax per second, over `budget_speed_arcmin_s`
    window  share of the left and right edge that lies in front of the screen

A flat picture has 1, a deep and calm one within its budget at least 0.9. The weights are a
convention: no study behind them, only an order that everybody agrees with. Each part can only lower
the score.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from stereocast.engine.stereo.comfort import Budget
from stereocast.engine.stereo.sampling import middles, pick

_SIZE = 36, 64  # samples
_FORWARD_PX = 0.25  # what lies less in front of the screen lies on it
_SHORTEST_S = 1e-3


@dataclass(frozen=True)
class ComfortReading:
    """What was measured in one frame; all but the score: less is more comfortable.

    score      0 to 1
    beyond     share of the picture, 0 to 1
    front_percent, behind_percent  parallax of its nearest and farthest point, % of the eye's width;
               behind the screen is less than 0
    speed_percent_s  mean change, % of the eye's width per second
    window     share of the edges' rows, 0 to 1
    """

    score: float
    beyond: float
    front_percent: float
    behind_percent: float
    speed_percent_s: float
    window: float

    @staticmethod
    def of(reading: Tensor) -> ComfortReading:
        """Return the numbers of `Scorer.step`; the only host read, for who reports them."""
        return ComfortReading(*reading.tolist())


def nothing_read() -> Tensor:
    """Return the fields of `ComfortReading` before the first frame: a flat picture's."""
    reading = torch.zeros(len(fields(ComfortReading)))
    reading[0] = 1.0
    return reading


@dataclass(frozen=True)
class ScorerState:
    """before float32 [36, 64], disparity of the last frame; seen bool [1]: there was one."""

    before: Tensor
    seen: Tensor


class Scorer:
    """Score the disparity that eyes are shown."""

    def __init__(self, budget: Budget, *, frame_width: int) -> None:
        self._budget = budget
        self._width = frame_width

    def init(self) -> ScorerState:
        """Return the state before the first frame."""
        return ScorerState(torch.zeros(_SIZE), torch.zeros(1, dtype=torch.bool))

    def step(
        self, state: ScorerState, disparity_px: Tensor, dt: Tensor
    ) -> tuple[ScorerState, Tensor]:
        """Return the fields of `ComfortReading`, float32 [6], for disparity float32 [h, w]."""
        budget, width = self._budget, self._width
        sample = pick(disparity_px, middles(_SIZE[0]), middles(_SIZE[1])) / width
        beyond = ((sample > budget.front) | (sample < -budget.behind)).float().mean()
        near, far = sample.amax(), sample.amin()
        moved = (sample - state.before).abs().mean() / dt.clamp_min(_SHORTEST_S)
        speed = torch.where(state.seen, moved, 0.0)[0]
        edges = disparity_px[:, :: disparity_px.shape[1] - 1]
        window = (edges > _FORWARD_PX).float().mean()
        depth = (near - far) / (budget.front + budget.behind)
        pace = speed / budget.speed
        strain = 5 * beyond + 0.1 * depth.square() + 0.25 * pace.square() + 5 * window
        percents = (100 * near, 100 * far, 100 * speed)
        reading = torch.stack((torch.exp(-strain), beyond, *percents, window))
        return ScorerState(sample, torch.ones_like(state.seen)), reading
