"""Inputs of every kernel of the refiner, and one call of each, for tests that compare forms."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stereocast.kernels import refine

SIZE = (2, 17, 23)
Call = Callable[[], tuple[Tensor, ...]]


def calls(generator: torch.Generator, size: tuple[int, int, int] = SIZE) -> dict[str, Call]:
    """Return calls with fixed random arguments, by the name of what they call."""
    batch, height, width = size

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(size, generator=generator)

    moved, picture = torch.randint(
        0, 256, (2, batch, 3, height, width), dtype=torch.uint8, generator=generator
    )
    inside = torch.rand(size, generator=generator) < 0.8
    history, teacher = draw(-1, 3), draw(-1, 3)
    history[:, ::2] = teacher[:, ::2] + 0.01 * history[:, ::2]  # news in every other row
    confidence, error, variance, length = draw(0.02, 1), draw(0, 0.1), draw(0, 1e-3), draw(0, 5)
    gain, limit, sigma = draw(0.01, 0.995), draw(0.02, 0.2), draw(0, 0.2)
    correction = 3 * torch.randn(batch, 2, height, width, generator=generator)
    frames = torch.rand(batch, generator=generator) * 3
    luma = (draw(0, 1), draw(0, 1))
    blended = {"grown": variance, "gain": gain, "length": length, "limit": limit}
    seen = {"confidence": confidence, "error": error}
    return {
        "picture_error": lambda: (refine.picture_error(moved, picture, inside),),
        "confidence": lambda: (refine.confidence(sigma, before=confidence, history=length - 1),),
        "predict": lambda: refine.predict(
            history, teacher, variance=variance, frames=frames, gate=3, **seen
        ),
        "bound": lambda: (refine.bound(teacher, confidence, (0.12, 0.02, 0.3)),),
        "bound without metres": lambda: (refine.bound(teacher, confidence, (0.12, 0.0, 0.3)),),
        "fuse": lambda: refine.fuse(history, teacher, **blended),
        "fuse, corrected": lambda: refine.fuse(history, teacher, correction=correction, **blended),
        "features": lambda: (refine.features(teacher, history, length=length, luma=luma, **seen),),
    }


NAMES = tuple(calls(torch.Generator(), (1, 1, 1)))
