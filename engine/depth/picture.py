"""Depth from networks that see one picture at a time, steadied by smoothing over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.errors import ModelError
from stereocast.engine.models import Output
from stereocast.engine.runner import Runner
from stereocast.kernels.preprocess import to_network


@dataclass(frozen=True)
class Normalisation:
    """What a network wants of its picture: (rgb − mean) / deviation per channel, rgb in [0, 1]."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)


NORMALISATIONS = {
    "0..1": Normalisation(),
    "-1..1": Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "0..255": Normalisation(deviation=(1 / 255, 1 / 255, 1 / 255)),
    "imagenet": Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""By the names under which imported networks declare them."""


@dataclass(frozen=True)
class PictureState:
    """depth float32 [h, w], smoothed; frames int64 [1], 0 before the first frame, then 1."""

    depth: Tensor
    frames: Tensor


class PictureDepth:
    """The depth stage of a single-picture network: resample, run, smooth exponentially in time."""

    def __init__(
        self, runner: Runner, *, output: Output, frame_size: tuple[int, int],
        normalisation: Normalisation | None = None, smoothing_s: float = 0.15,
        map_name: str | None = None,
    ) -> None:  # fmt: skip
        """Take a runner whose one input is a picture float32 [3, h, w] or [1, 3, h, w].

        frame_size   (H, W) of the frames and of `to_frame`
        smoothing_s  time constant, seconds; 0: none
        map_name     the output that is the depth, whatever its size; None: the first

        Raises ModelError for a network that does not fit, ValueError for a negative time constant.
        """
        if smoothing_s < 0:
            raise ValueError(f"smoothing_s must be >= 0 seconds, got {smoothing_s}")
        self._runner = runner
        self._image = runner.inputs[0]
        named = {spec.name: spec for spec in runner.outputs}
        self._map = named.get(map_name or "", runner.outputs[0])
        sides = [side for side in self._map.shape if side != 1]
        if len(runner.inputs) != 1 or self._image.shape[-3:-2] != (3,) or len(sides) != 2:
            takes = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in runner.inputs)
            raise ModelError(
                f"a depth network takes one picture [3, h, w] and returns one map: this one takes "
                f"{takes} and returns {self._map.name} {list(self._map.shape)}"
            )
        self.output = output
        self.grid = (sides[0], sides[1])
        self.frame_size = frame_size
        self._size = (self._image.shape[-2], self._image.shape[-1])
        self._smoothing_s = max(smoothing_s, 1e-6)
        wanted = normalisation or Normalisation()
        self._mean, self._deviation = (
            torch.tensor(values).view(3, 1, 1) for values in (wanted.mean, wanted.deviation)
        )
        self._is_plain = wanted == Normalisation()

    def init(self) -> PictureState:
        """Return the state before the first frame."""
        return PictureState(torch.zeros(self.grid), torch.zeros(1, dtype=torch.int64))

    def step(self, state: PictureState, x: DepthInput) -> tuple[PictureState, Tensor]:
        """Return the new state and depth float32 [h, w]; see `DepthStage.step`."""
        image = to_network(x.rgb, size=self._size)
        if not self._is_plain:
            image = (image - self._mean) / self._deviation
        results = self._runner.run({self._image.name: image.view(self._image.shape)})
        measured = results[self._map.name].view(self.grid)
        share = 1 - torch.exp(-x.dt / self._smoothing_s)
        share = torch.where(state.frames == 0, torch.ones_like(share), share)
        depth = state.depth + share * (measured - state.depth)
        return PictureState(depth, (state.frames + 1).clamp_max(1)), depth

    def reset(self, state: PictureState) -> PictureState:
        """Forget every frame, in place."""
        state.depth.zero_()
        state.frames.zero_()
        return state

    def to_frame(self, depth: Tensor) -> Tensor:
        """Return depth [h, w] of the grid at the frame's size, float32 [H, W], bilinear."""
        full = interpolate(
            depth[None, None], size=self.frame_size, mode="bilinear", align_corners=False
        )
        return full[0, 0]
