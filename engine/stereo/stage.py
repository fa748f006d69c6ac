"""The stereo stage: depth in, both eyes out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.engine.models import Output
from stereocast.engine.stereo.config import StereoConfig
from stereocast.engine.stereo.disparity import DisparityStage, DisparityState, StereoInput
from stereocast.engine.stereo.score import nothing_read
from stereocast.engine.stereo.second_eye import SecondEye, SecondEyeState


@dataclass(frozen=True)
class StereoState:
    """What the way to disparity remembers, and both eyes.

    comfort  float32 [6], of the last frame, see `ComfortReading`
    """

    disparity: DisparityState
    left: SecondEyeState
    right: SecondEyeState
    comfort: Tensor


class StereoStage:
    """Turn a picture and its depth into a left and a right view."""

    def __init__(
        self, frame_size: tuple[int, int], config: StereoConfig | None = None, *,
        depth_output: Output = Output.RELATIVE_INVERSE,
    ) -> None:  # fmt: skip
        self.frame_size = frame_size
        self.disparity = DisparityStage(
            frame_size, config or StereoConfig(), depth_output=depth_output
        )
        self._eye = SecondEye(frame_size)

    def init(self) -> StereoState:
        """Return the state before the first frame."""
        return StereoState(
            self.disparity.init(), self._eye.init(), self._eye.init(), nothing_read()
        )

    def step(self, state: StereoState, x: StereoInput) -> tuple[StereoState, tuple[Tensor, Tensor]]:
        """Return the left and the right eye, each u8 [3, H, W]."""
        disparity_state, grid = self.disparity.step(state.disparity, x)
        disparity = self._to_frame(grid.disparity_px)
        balance = grid.controls[3]
        left_state, left, _ = self._eye.step(state.left, x.rgb, disparity, gain=1 - balance)
        right_state, right, _ = self._eye.step(state.right, x.rgb, disparity, gain=-balance)
        new = StereoState(disparity_state, left_state, right_state, grid.comfort)
        return new, (left, right)

    def _to_frame(self, disparity: Tensor) -> Tensor:
        """Return disparity [h, w] at the frame's size, [H, W]; its values are pixels already."""
        full = interpolate(
            disparity[None, None], size=self.frame_size, mode="bilinear", align_corners=False
        )
        return full[0, 0]
