"""From depth to the disparity that eyes are shown, on the depth's own grid.

    bars ─► steady ─► range, convergence ─► governor ─► score

Relative depth r is mapped to d = S/100 · W · (n − c), n being r in its range; depth in metres to
d = f · B · (1/Z − 1/Zc). Both are a factor times (inverse depth − inverse depth on the screen), and
from there on they are treated alike. Upsampling and drawing come after, in stage.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.models import Output
from stereocast.engine.stereo.bars import BarsFinder, BarsState, Window
from stereocast.engine.stereo.comfort import Budget, edge_guard, governed_gain, soft_limit
from stereocast.engine.stereo.config import StereoConfig
from stereocast.engine.stereo.controls import Controls, slew
from stereocast.engine.stereo.convergence import AutoConvergence, ConvergenceState
from stereocast.engine.stereo.metric import focal_length_px, inverse_depth
from stereocast.engine.stereo.range import RangeState, RangeTracker
from stereocast.engine.stereo.score import Scorer, ScorerState
from stereocast.engine.stereo.steady import Steady, SteadyState


@dataclass(frozen=True)
class StereoInput:
    """rgb u8 [3, H, W]; depth [h, w]; controls float32 [4], see `Controls`; dt float32 [1], s."""

    rgb: Tensor
    depth: Tensor
    controls: Tensor
    dt: Tensor


@dataclass(frozen=True)
class DisparityState:
    """What each part remembers; controls float32 [4] in force, seen bool [1]: they are."""

    bars: BarsState
    steady: SteadyState
    range: RangeState
    convergence: ConvergenceState
    controls: Tensor
    seen: Tensor
    score: ScorerState


@dataclass(frozen=True)
class GridDisparity:
    """What a frame's depth has become.

    disparity_px  float32 [h, w], pixels of the frame's width, positive is nearer
    controls      float32 [4], in force; the automatic convergence resolved
    comfort       float32 [6], see `ComfortReading`
    ends          float32 [2], far and near end of the range of inverse depth in force
    window        the picture between black bars
    """

    disparity_px: Tensor
    controls: Tensor
    comfort: Tensor
    ends: Tensor
    window: Window


class DisparityStage:
    """Turn depth into comfortable disparity; see `engine.stage` for the law it keeps."""

    def __init__(
        self, frame_size: tuple[int, int], config: StereoConfig, *, depth_output: Output
    ) -> None:
        """Serve frames of `frame_size` = (H, W) with depth of any grid."""
        self._width = frame_size[1]
        self._config = config
        self._output = depth_output
        self._budget = Budget.on(
            config.display(),
            percent=(config.budget_front_percent, config.budget_behind_percent),
            arcmin=(config.budget_front_arcmin, config.budget_behind_arcmin),
            speed_arcmin_s=config.budget_speed_arcmin_s,
        )
        self._bars = BarsFinder(frame_size)
        self._steady = Steady()
        self._range = RangeTracker(response_s=config.range_response_s)
        self._convergence = AutoConvergence(time_constant_s=config.convergence_s)
        self._score = Scorer(self._budget, frame_width=self._width)

    def init(self) -> DisparityState:
        """Return the state before the first frame."""
        return DisparityState(
            bars=self._bars.init(),
            steady=self._steady.init(),
            range=self._range.init(),
            convergence=self._convergence.init(),
            controls=torch.zeros(4),
            seen=torch.zeros(1, dtype=torch.bool),
            score=self._score.init(),
        )

    def step(self, state: DisparityState, x: StereoInput) -> tuple[DisparityState, GridDisparity]:
        """Return the new state and the disparity of this frame."""
        bars_state, window = state.bars, Window.whole()
        if self._config.bars:
            bars_state, window = self._bars.step(state.bars, x.rgb, x.dt)
        inverse, steady_state = inverse_depth(x.depth, self._output), state.steady
        if self._config.steady:
            steady_state, inverse = self._steady.step(state.steady, inverse, x.dt)
        range_state, ends = self._range.step(state.range, inverse, x.dt, window=window)
        convergence_state, screen = self._convergence.step(
            state.convergence, inverse, x.dt, ends=ends, window=window
        )
        wanted = _resolved(x.controls, self._as_convergence(screen, ends))
        controls = torch.where(state.seen, slew(state.controls, wanted, x.dt), wanted)
        disparity = self.disparity_px(inverse, controls, ends=ends, window=window)
        score_state, comfort = self._score.step(state.score, disparity, x.dt)
        new = DisparityState(
            bars_state, steady_state, range_state, convergence_state, controls,
            torch.ones_like(state.seen), score_state,
        )  # fmt: skip
        return new, GridDisparity(disparity, controls, comfort, ends, window)

    def disparity_px(
        self, inverse: Tensor, controls: Tensor, *, ends: Tensor, window: Window
    ) -> Tensor:
        """Return the governed disparity float32 [h, w] of inverse depth [h, w].

        controls  float32 [4], in force, convergence a number
        ends      float32 [2], the range that the depth has
        """
        strength, convergence, comfort, _ = controls
        if self._output is Output.METRIC_DEPTH:
            focal_px = focal_length_px(self._width, self._config.hfov_deg)
            factor = focal_px * self._config.baseline_m * strength / Controls.strength
            screen = convergence
        else:
            factor = strength / 100 * self._width / (ends[1] - ends[0])
            screen = ends[0] + convergence * (ends[1] - ends[0])
        limits = self._budget.limits_px(comfort, self._width)
        reach = factor * (ends - screen)
        factor = factor * governed_gain(torch.stack((reach[1], -reach[0])), limits)
        disparity = soft_limit(factor * (inverse - screen), limits, knee=self._config.knee)
        return edge_guard(disparity, window, frame_width=self._width, slope=self._config.edge_slope)

    def _as_convergence(self, screen: Tensor, ends: Tensor) -> Tensor:
        """Return inverse depth [1] in the unit of the control: nearness, or dioptres as it is."""
        if self._output is Output.METRIC_DEPTH:
            return screen
        return ((screen - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)


def _resolved(controls: Tensor, automatic: Tensor) -> Tensor:
    """Return controls [4] with the automatic convergence [1] in the place of AUTO."""
    convergence = torch.where(controls[1:2] < 0, automatic, controls[1:2])
    return torch.cat((controls[:1], convergence, controls[2:]))
