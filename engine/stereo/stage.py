"""The stereo stage: depth in, both eyes out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.models import Output
from stereocast.engine.stereo.config import StereoConfig
from stereocast.engine.stereo.disparity import DisparityStage, DisparityState, StereoInput
from stereocast.engine.stereo.eyes import Eyes, EyesState
from stereocast.engine.stereo.score import nothing_read
from stereocast.engine.stereo.silhouettes import Silhouettes, SilhouettesState

_SPARSE = 4  # every 4th pixel each way tells how many are open


@dataclass(frozen=True)
class StereoState:
    """What the way to disparity, the silhouettes and the eyes remember.

    comfort  float32 [6], of the last frame, see `ComfortReading`
    reading  float32 [4], of the last frame: far and near end of the range of inverse depth in
             force, the convergence in force, and the share of both views that nothing landed on
    """

    disparity: DisparityState
    silhouettes: SilhouettesState
    eyes: EyesState
    comfort: Tensor
    reading: Tensor


class StereoStage:
    """Turn a picture and its depth into a left and a right view.

    disparity on the depth's grid ─► silhouettes, as in the picture ─► both eyes
    """

    def __init__(
        self, frame_size: tuple[int, int], config: StereoConfig | None = None, *,
        depth_output: Output = Output.RELATIVE_INVERSE,
    ) -> None:  # fmt: skip
        config = config or StereoConfig()
        self.frame_size = frame_size
        self.disparity = DisparityStage(frame_size, config, depth_output=depth_output)
        self._silhouettes = Silhouettes(frame_size)
        self._eyes = Eyes(frame_size, config.eyes())

    def init(self) -> StereoState:
        """Return the state before the first frame."""
        return StereoState(
            self.disparity.init(),
            self._silhouettes.init(),
            self._eyes.init(),
            comfort=nothing_read(),
            reading=torch.zeros(4),
        )

    def step(self, state: StereoState, x: StereoInput) -> tuple[StereoState, tuple[Tensor, Tensor]]:
        """Return the left and the right eye, each u8 [3, H, W]."""
        disparity, grid = self.disparity.step(state.disparity, x)
        silhouettes, sharp = self._silhouettes.step(state.silhouettes, x.rgb, grid.disparity_px)
        balance = grid.controls[3]
        gains = torch.stack((1 - balance, -balance))
        eyes, (left, right), holes = self._eyes.step(state.eyes, x.rgb, sharp, gains)
        open_share = holes[:, ::_SPARSE, ::_SPARSE].float().mean()
        reading = torch.cat((grid.ends, grid.controls[1:2], open_share.reshape(1)))
        new = StereoState(disparity, silhouettes, eyes, grid.comfort, reading)
        return new, (left, right)
