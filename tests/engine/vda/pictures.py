"""Moving pictures for the tests of depth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SIZE = (37, 51)
GRID = (42, 56)


def clip(frames: int, *, size: tuple[int, int] = SIZE, seed: int = 0) -> Tensor:
    """A smooth picture that drifts and flickers, u8 [T, H, W, 3]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 7, generator=generator)
    picture = functional.interpolate(coarse, size=size, mode="bicubic")[0].clamp(0, 1)
    shots = []
    for index in range(frames):
        noise = torch.rand(3, *size, generator=generator)
        shots.append(0.8 * picture.roll(2 * index, dims=2) + 0.2 * noise)
    return (torch.stack(shots) * 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def planar(frames: Tensor) -> Tensor:
    """From [T, H, W, 3] to [T, 3, H, W]."""
    return frames.permute(0, 3, 1, 2).contiguous()


def arrays(path: object) -> dict[str, Tensor]:
    """All arrays of an npz file as tensors."""
    with np.load(path) as file:  # type: ignore[arg-type]
        return {name: torch.from_numpy(file[name]) for name in file.files}


def assert_within_gates(actual: Tensor, expected: Tensor, *, maximum: float, mean: float) -> None:
    """Hold the largest and the mean absolute difference; rounding has small both, bugs one."""
    assert actual.shape == expected.shape
    error = (actual.double() - expected.double()).abs()
    assert error.max() <= maximum, f"largest error {error.max():.2e}"
    assert error.mean() <= mean, f"mean error {error.mean():.2e}"
