"""One more eye, from a picture and any disparity map of it: the whole way to a finished view.

    steady ─► silhouettes ─► eyes

For whoever has a disparity map; frames of a stream take the same way in `stage`, where the steps
before the silhouettes are done on the depth's own grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.stereo.eyes import Eyes, EyesConfig, EyesState
from stereocast.engine.stereo.silhouettes import Silhouettes, SilhouettesState
from stereocast.engine.stereo.steady import Steady, SteadyState


@dataclass(frozen=True)
class SecondEyeState:
    """What each step remembers."""

    steady: SteadyState
    silhouettes: SilhouettesState
    eyes: EyesState


class SecondEye:
    """Make a view from a picture and its disparity, frame by frame."""

    def __init__(self, frame_size: tuple[int, int], config: EyesConfig | None = None) -> None:
        self.frame_size = frame_size
        self._steady = Steady()
        self._silhouettes = Silhouettes(frame_size)
        self._eyes = Eyes(frame_size, config, count=1)

    def init(self) -> SecondEyeState:
        """Return the state before the first frame."""
        return SecondEyeState(self._steady.init(), self._silhouettes.init(), self._eyes.init())

    def step(
        self,
        state: SecondEyeState,
        image: Tensor,
        disparity_px: Tensor,
        *,
        gain: Tensor | float = -1.0,
    ) -> tuple[SecondEyeState, Tensor, Tensor]:
        """Return the new state, the view u8 [3, H, W], and its holes bool [H, W] before filling.

        image         u8 [3, H, W], the source view
        disparity_px  float32 [h, w], in pixels of the frame, positive is nearer
        gain          target column = source column + gain · disparity: -1 the right eye of a left
                      picture (default), +1 the left eye of a right one
        """
        gains = torch.as_tensor(gain, dtype=torch.float32, device=image.device).reshape(1)
        steady, disparity = self._steady.step(state.steady, disparity_px)
        silhouettes, sharp = self._silhouettes.step(state.silhouettes, image, disparity)
        eyes, views, holes = self._eyes.step(state.eyes, image, sharp, gains)
        return SecondEyeState(steady, silhouettes, eyes), views[0], holes[0]
