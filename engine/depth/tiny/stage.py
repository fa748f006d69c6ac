"""The built-in network as a stage of the pipeline: motion is measured, the memory kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.depth.tiny import motion, step
from stereocast.engine.depth.tiny.memory import ROWS, row_ages, row_of
from stereocast.engine.models import Output
from stereocast.engine.runner import Runner
from stereocast.kernels.preprocess import to_network


@dataclass(frozen=True)
class TinyState:
    """The memory of a stream.

    index         int64 [1], frames since it began
    pictures      u8 [PICTURES, ⌈h/2⌉, ⌈w/2⌉], the last frames in grey, a ring
    keys, values  [heads, P, ROWS, d], see `memory`, rings
    answer        float32 [1, 1, ⌈h/2⌉, ⌈w/2⌉], of the last frame
    """

    index: Tensor
    pictures: Tensor
    keys: Tensor
    values: Tensor
    answer: Tensor


class TinyStage:
    """Estimate depth frame by frame; steady where the picture rests.

    runner      of a `TinyStep`, in whatever form that one executes it
    frame_size  (H, W) of the frames and of `to_frame`
    device      where the memory lives; None: the CPU
    """

    output = Output.RELATIVE_INVERSE

    def __init__(
        self, runner: Runner, *, frame_size: tuple[int, int], device: torch.device | None = None
    ) -> None:
        self._runner = runner
        self._specs = {spec.name: spec for spec in runner.inputs}
        self._device = device or torch.device("cpu")
        self.frame_size = frame_size
        height, width = self._specs[step.IMAGE].shape[2:]
        self.grid = (height, width)

    def init(self) -> TinyState:
        """Return the state before the first frame."""
        answer = self._specs[step.BEFORE].shape
        return TinyState(
            index=torch.zeros(1, dtype=torch.int64, device=self._device),
            pictures=torch.zeros(
                (motion.PICTURES, *answer[2:]), dtype=torch.uint8, device=self._device
            ),
            keys=self._zeros(step.KEYS),
            values=self._zeros(step.VALUES),
            answer=self._zeros(step.BEFORE),
        )

    def reset(self, state: TinyState) -> TinyState:
        """Forget every frame, in place: rows that no frame has written since are not looked at."""
        state.index.zero_()
        return state

    @torch.no_grad()
    def step(self, state: TinyState, x: DepthInput) -> tuple[TinyState, Tensor]:
        """Return the new state and relative inverse depth float32 [h, w], > 0, larger is nearer."""
        image = to_network(x.rgb, size=self.grid)[None]
        newest = motion.small_grey(image)[0]
        dtype = self._specs[step.IMAGE].dtype
        results = self._runner.run(
            {
                step.IMAGE: image.to(dtype),
                step.MOTION: self._motion(state, newest).to(dtype),
                step.AGES: row_ages(state.index),
                step.KEYS: state.keys,
                step.VALUES: state.values,
                step.BEFORE: state.answer,
            }
        )
        row = row_of(state.index, ROWS)
        state.keys.index_copy_(2, row, results[step.KEYS_ROW][:, :, None])
        state.values.index_copy_(2, row, results[step.VALUES_ROW][:, :, None])
        state.pictures.index_copy_(0, row_of(state.index, motion.PICTURES), newest[None])
        state.answer.copy_(results[step.ANSWER])
        state.index.add_(1)
        return state, results[step.DEPTH].clone()

    def to_frame(self, depth: Tensor) -> Tensor:
        """Return depth [h, w] of the grid at the frame's size, float32 [H, W], bilinear."""
        full = interpolate(
            depth[None, None], size=self.frame_size, mode="bilinear", align_corners=False
        )
        return full[0, 0]

    def _motion(self, state: TinyState, newest: Tensor) -> Tensor:
        """Return the motion channels [1, C, ⌈h/4⌉, ⌈w/4⌉]: zero for the first frame."""
        earlier = state.pictures.index_select(0, motion.lagged_rows(state.index))
        pairs = [motion.match(earlier[number], newest) for number in range(len(motion.LAGS))]
        lags = motion.cues(
            torch.stack([flow for flow, _ in pairs]), torch.stack([sure for _, sure in pairs])
        )
        changed = motion.change(earlier[-1:], newest[None])
        channels = torch.cat((lags.flatten(0, 1)[None], changed), dim=1)
        return torch.where(state.index > 0, channels, 0.0)

    def _zeros(self, name: str) -> Tensor:
        spec = self._specs[name]
        return torch.zeros(spec.shape, dtype=spec.dtype, device=self._device)
