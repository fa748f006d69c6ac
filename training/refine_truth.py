"""The truth in the measure of a teacher, so that the refiner's answers can be compared with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from stereocast.engine.refine.scales import RelativeState
from stereocast.engine.refine.step import Memory, Refined


def in_measure(
    log_metres: Tensor, memories: Sequence[Memory[Any]], refined: Sequence[Refined]
) -> Tensor:
    """Return exact depth float32 [L, B, h, w] as log depth of the measure that a stream is in.

    memories, refined  of each of the L frames

    Metres stay. Inverse depth without a unit: scale and shift that bring the exact one closest to
    the steadied teacher, least squares over all frames, so that what wobbles counts as an error;
    then −log(depth + floor) with each frame's floor, as in engine/refine/scales.
    """
    if not isinstance(memories[0].scale, RelativeState):
        return log_metres
    floor = torch.stack([memory.scale.floor[0] for memory in memories])[:, None, None, None]
    least = torch.stack([memory.scale.least for memory in memories])[:, :, None, None]
    aligned = torch.stack([each.aligned for each in refined]).detach()
    exact, said = (-log_metres).exp(), (-aligned).exp() - floor
    centred = exact - exact.mean()
    slope = (centred * (said - said.mean())).sum() / centred.square().sum().clamp_min(1e-12)
    fitted = said.mean() + slope * centred
    return -(fitted + floor).maximum(least).log()
