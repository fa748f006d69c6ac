"""The networks that can be exported, and the step of each: the one place that tells them apart."""

from __future__ import annotations

import copy
from typing import Any

import torch

from stereocast.engine.depth.stage import DepthStage
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.depth.tiny import TinyDepth, TinyStage, TinyStep
from stereocast.engine.depth.tiny.step import MOTION
from stereocast.engine.depth.vda import DepthStage as VideoStage
from stereocast.engine.depth.vda import StreamingStep, VideoDepth, halve
from stereocast.engine.depth.vda.cache import CacheKind
from stereocast.engine.models import Output
from stereocast.engine.runner import Runner

Network = VideoDepth | TinyDepth
Step = StreamingStep | TinyStep


def step_of(
    network: Network, grid: tuple[int, int], *, cache: CacheKind = "kv",
    storage: torch.dtype = torch.float32,
) -> Step:  # fmt: skip
    """Return the step of a network; the built-in one has one kind of cache, stored as computed."""
    if isinstance(network, TinyDepth):
        return TinyStep(network, grid)
    return StreamingStep(network, grid, cache=cache, storage=storage)


def halved(step: Step) -> Step:
    """Return a copy in float16, but for what that network needs in float32."""
    return step.halved() if isinstance(step, TinyStep) else halve(copy.deepcopy(step))


def stage_on(runner: Runner, *, frame_size: tuple[int, int]) -> DepthStage[Any]:
    """Return the stage for a runner of either step; what its depth means is not known here."""
    if any(spec.name == MOTION for spec in runner.inputs):
        return TinyStage(runner, frame_size=frame_size)
    stage = VideoStage.on(runner, frame_size=frame_size)
    return StreamedDepth(stage, output=Output.RELATIVE_INVERSE)
