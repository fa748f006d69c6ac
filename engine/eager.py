"""Run the pipeline's step as it stands: the executor of CPUs, and the reference of the others."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from stereocast.engine.pipeline import (
    Input,
    Mark,
    Pipeline,
    PipelineState,
    Result,
    TemporalState,
)
from stereocast.engine.stage import prime


class Executor(Protocol):
    """Whoever runs the step of one stream and holds its state.

    description  how, in words
    """

    description: str

    @property
    def state(self) -> PipelineState:
        """The state between two frames; valid until the next step."""

    def step(self, x: Input, *, mark: Mark) -> Result:
        """Consume one frame; the result may lie in buffers that the next step overwrites."""

    def reset(self) -> None:
        """Forget every frame, in place: what follows is a new stream."""


class EagerStep:
    """Operation by operation, wherever the tensors are.

    It reads the scene stage's cut flag once per frame, the only host read between stages, and
    resets the same buffers when it is set.
    """

    description = "eager"

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.state = pipeline.init()

    def step(self, x: Input, *, mark: Mark) -> Result:
        """Consume one frame; see `Executor`."""
        with torch.inference_mode():
            self.state, result = self._pipeline.step(
                self.state, x, reset_on=self._reset_on, mark=mark
            )
        return result

    def reset(self) -> None:
        """Forget every frame, in place."""
        with torch.inference_mode():
            scene = prime(self.state.scene, self._pipeline.scene.init())
            self.state = PipelineState(scene, self._pipeline.reset(self.state.temporal))

    def _reset_on(self, cut: Tensor, state: TemporalState) -> TemporalState:
        return self._pipeline.reset(state) if bool(cut) else state
