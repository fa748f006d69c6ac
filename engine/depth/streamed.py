"""Video-Depth-Anything as a stage of the pipeline."""

from __future__ import annotations

from torch import Tensor

from stereocast.engine.depth import vda
from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.models import Output


class StreamedDepth:
    """The depth stage of a network that remembers the stream; steadies itself, nothing is smoothed.

    stage   on whatever runner
    output  nothing in the network says what its depth means
    """

    def __init__(self, stage: vda.DepthStage, *, output: Output) -> None:
        self._stage = stage
        self.output = output
        self.grid = stage.grid
        self.frame_size = stage.frame_size

    def init(self) -> vda.DepthState:
        """Return the state before the first frame."""
        return self._stage.init()

    def step(self, state: vda.DepthState, x: DepthInput) -> tuple[vda.DepthState, Tensor]:
        """Return the new state and depth float32 [h, w]; see `DepthStage.step`."""
        return self._stage.step(state, x.rgb, x.dt)

    def reset(self, state: vda.DepthState) -> vda.DepthState:
        """Forget every frame, at no cost: the rings are not touched."""
        return self._stage.reset(state)

    def to_frame(self, depth: Tensor) -> Tensor:
        """Return depth [h, w] at the frame's size, float32 [H, W], as upstream resamples it."""
        return self._stage.to_frame(depth)
