"""The stereo stage: depth in, both eyes out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.engine.errors import ConfigError
from stereocast.engine.models import Output
from stereocast.engine.stereo.comfort import border_ramp, comfort_limit, soft_limit
from stereocast.engine.stereo.controls import Controls, slew
from stereocast.engine.stereo.disparity import RangeState, RangeTracker, inverse_depth
from stereocast.engine.stereo.second_eye import SecondEye, SecondEyeState


@dataclass(frozen=True)
class StereoConfig:
    """Where the controls start, and how the depth range is followed."""

    strength: float = Controls.strength
    """Total parallax range in % of the eye's width, 0 to 10."""
    convergence: float = Controls.convergence
    """Nearness that lies on the screen, 0 to 1."""
    comfort: float = Controls.comfort
    """How gently parallax is limited, 0 to 1."""
    balance: float = Controls.balance
    """1: the left eye is the source, 0: the right, 0.5: half to either."""
    range_rate_per_s: float = 0.25
    """How fast the depth range may change, in shares of its own width per second."""

    def __post_init__(self) -> None:
        self.controls()
        if self.range_rate_per_s <= 0:
            raise ConfigError(
                f"stereo.range_rate_per_s must be greater than 0, got {self.range_rate_per_s}"
            )

    def controls(self) -> Controls:
        """Return the controls a session starts with."""
        return Controls(self.strength, self.convergence, self.comfort, self.balance)


@dataclass(frozen=True)
class StereoInput:
    """rgb u8 [3, H, W]; depth [h, w]; controls float32 [4], see `Controls`; dt float32 [1], s."""

    rgb: Tensor
    depth: Tensor
    controls: Tensor
    dt: Tensor


@dataclass(frozen=True)
class StereoState:
    """Range of the depth, controls in force [4], whether they are set bool [1], and both eyes."""

    range: RangeState
    controls: Tensor
    seen: Tensor
    left: SecondEyeState
    right: SecondEyeState


class StereoStage:
    """Turn a picture and its depth into a left and a right view."""

    def __init__(
        self, frame_size: tuple[int, int], config: StereoConfig | None = None, *,
        depth_output: Output = Output.RELATIVE_INVERSE,
    ) -> None:  # fmt: skip
        config = config or StereoConfig()
        self.frame_size = frame_size
        self._depth_output = depth_output
        self._eye = SecondEye(frame_size)
        self._tracker = RangeTracker(rate_per_s=config.range_rate_per_s)

    def init(self) -> StereoState:
        """Return the state before the first frame."""
        return StereoState(
            range=self._tracker.init(),
            controls=torch.zeros(4),
            seen=torch.zeros(1, dtype=torch.bool),
            left=self._eye.init(),
            right=self._eye.init(),
        )

    def step(self, state: StereoState, x: StereoInput) -> tuple[StereoState, tuple[Tensor, Tensor]]:
        """Return the left and the right eye, each u8 [3, H, W]."""
        inverse = inverse_depth(x.depth, self._depth_output)
        range_state, nearness = self._tracker.step(state.range, inverse, x.dt)
        controls = torch.where(state.seen, slew(state.controls, x.controls, x.dt), x.controls)
        disparity = self.disparity_px(nearness, controls)
        balance = controls[3]
        left_state, left, _ = self._eye.step(state.left, x.rgb, disparity, gain=1 - balance)
        right_state, right, _ = self._eye.step(state.right, x.rgb, disparity, gain=-balance)
        seen = torch.ones_like(state.seen)
        new = StereoState(range_state, controls, seen, left_state, right_state)
        return new, (left, right)

    def disparity_px(self, nearness: Tensor, controls: Tensor) -> Tensor:
        """Return disparity float32 [H, W] in pixels: strength · (nearness − convergence), limited.

        nearness  float32 [h, w], 0 far to 1 near
        controls  float32 [4], in force in this frame
        """
        height, width = self.frame_size
        strength, convergence, comfort, _ = controls
        strength_px = strength / 100 * width
        disparity = strength_px * (nearness - convergence)
        disparity = soft_limit(disparity, comfort_limit(strength_px, comfort))
        disparity = disparity * border_ramp(nearness.shape[1], strength_px, width)
        full = interpolate(
            disparity[None, None], size=(height, width), mode="bilinear", align_corners=False
        )
        return full[0, 0]
