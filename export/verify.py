"""How far a runner's depth is from PyTorch's over a stream, and what a frame costs in both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.runner import Runner, TorchRunner
from stereocast.export.steps import Step, stage_on

FRAME_SIZE = (90, 160)
_COARSE = (7, 12)
_DT = torch.tensor([1 / 30])


@dataclass(frozen=True)
class Comparison:
    """Differences of depth over all frames, in units of depth, and the CPU time of a frame.

    spread  the deviation of PyTorch's depth itself, to judge the differences by
    """

    frames: int
    max_difference: float
    mean_difference: float
    spread: float
    cpu_ms: float
    torch_cpu_ms: float


def reference(step: Step) -> TorchRunner:
    """Return the runner that others are compared with."""
    return TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())


def compare(runner: Runner, torch_runner: Runner, *, frames: int, seed: int = 0) -> Comparison:
    """Stream the same moving pictures through both, each with its own memory.

    CPU time is that of the process, the median over the frames after the first.
    """
    stages = [stage_on(each, frame_size=FRAME_SIZE) for each in (runner, torch_runner)]
    states = [stage.init() for stage in stages]
    times: list[list[float]] = [[], []]
    differences, depths = [], []
    for frame in moving_pictures(frames, seed=seed):
        pair: list[Tensor] = []
        for side, stage in enumerate(stages):
            began = time.process_time()
            states[side], depth = stage.step(states[side], DepthInput(frame, _DT))
            times[side].append((time.process_time() - began) * 1e3)
            pair.append(depth.double())
        differences.append((pair[0] - pair[1]).abs())
        depths.append(pair[1])
    apart = torch.stack(differences)
    medians = [statistics.median(each[1:] or each) for each in times]
    return Comparison(
        frames=frames,
        max_difference=float(apart.max()),
        mean_difference=float(apart.mean()),
        spread=float(torch.stack(depths).std()),
        cpu_ms=medians[0],
        torch_cpu_ms=medians[1],
    )


def moving_pictures(count: int, *, seed: int = 0) -> Iterator[Tensor]:
    """Yield frames u8 [3, 90, 160]: two soft textures that move against each other."""
    generator = torch.Generator().manual_seed(seed)
    near, far = (
        functional.interpolate(
            torch.rand(1, 3, *_COARSE, generator=generator), size=FRAME_SIZE, mode="bicubic"
        )[0]
        for _ in range(2)
    )
    for index in range(count):
        mixed = 0.6 * near.roll(3 * index, dims=2) + 0.4 * far.roll(-2 * index, dims=1)
        yield (mixed.clamp(0, 1) * 255).to(torch.uint8)
