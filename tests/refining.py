"""Small moving scenes whose depth is known, for tests of the refiner."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.engine.models import Output
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.stage import RefineInput, RefineState, TemporalRefiner

GRID = (34, 50)
FRAME = (68, 100)
DT = torch.tensor([1 / 30])
METRIC, RELATIVE = Output.METRIC_DEPTH, Output.RELATIVE_INVERSE


def picture(seed: int = 0, shift: int = 0) -> Tensor:
    """A soft colourful texture u8 [3, 68, 100], moved to the right by `shift` pixels."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 12, 18, generator=generator)
    smooth = interpolate(coarse, size=FRAME, mode="bicubic")[0].clamp(0, 1)
    return (smooth * 255).to(torch.uint8).roll(shift, 2).contiguous()


def surface(seed: int = 0) -> Tensor:
    """A smooth depth float32 [34, 50] between 1 and 4."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 5, 7, generator=generator)
    return interpolate(coarse, size=GRID, mode="bicubic")[0, 0].clamp(0, 1) * 3 + 1


def stage(output: Output = METRIC, **settings: object) -> TemporalRefiner:
    config = RefineConfig(**{"mode": "classic", **settings})  # type: ignore[arg-type]
    return TemporalRefiner(config, GRID, depth_output=output)


def run(
    refiner: TemporalRefiner, frames: list[tuple[Tensor, Tensor]], state: RefineState | None = None
) -> tuple[list[Tensor], RefineState]:
    """Return copies of the answers to pairs of rgb and depth, and the last state."""
    state = refiner.init() if state is None else state
    answers = []
    with torch.no_grad():
        for rgb, depth in frames:
            state, answer = refiner.step(state, RefineInput(rgb, depth, DT))
            answers.append(answer.clone())
    return answers, state
