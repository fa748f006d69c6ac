"""The CUDA fills, run on the CPU by the emulator: the same bits as the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import stereocast.kernels.fill as fill
from stereocast.kernels.launch import launching
from tests.cuda_on_cpu.launcher import Emulator

CASES = [((9, 37), 0.4), ((5, 300), 0.2), ((3, 5), 0.9), ((1, 1), 1.0)]


def case(
    size: tuple[int, int], share: float, dtype: torch.dtype, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    view = torch.randint(0, 256, (3, *size), generator=generator).to(dtype)
    holes = torch.rand(size, generator=generator) < share
    holes[:, 3:9] = True
    return view, holes, torch.randint(-3, 3, size, generator=generator) * 1.7


@pytest.mark.parametrize(("size", "share"), CASES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_level_one_equals_the_reference(size, share, dtype, generator):
    view, holes, disparity = case(size, share, dtype, generator)
    expected = fill.reference.fill_from_row(view, holes, disparity, fill.NARROW_PX)
    with launching(Emulator()):
        fill.fill_holes(view, holes, disparity, level=1, out=view)
    assert torch.equal(view, expected)


@pytest.mark.parametrize(("size", "share"), CASES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_level_two_equals_the_reference(size, share, dtype, generator):
    view, holes, disparity = case(size, share, dtype, generator)
    settings = fill.settings_for(size[1])
    expected = fill.reference.fill_from_around(view, holes, disparity, settings)
    with launching(Emulator()):
        filled = fill.fill_holes(view, holes, disparity)
    assert torch.equal(filled, expected)
