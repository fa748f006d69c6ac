"""The CUDA form of block matching and re-projection, executed on the CPU, against the reference."""

from __future__ import annotations

import pytest
import torch

from stereocast.kernels.flow import STILL_GATE, block_matching, reference, reproject, shrink
from stereocast.kernels.launch import launching
from tests.cuda_on_cpu.launcher import Emulator


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_the_cuda_matcher_agrees_with_the_reference(channels, dtype, generator):
    scene = torch.rand(channels, 24, 30, generator=generator)
    scene[:, 12:] *= 0.1
    if dtype == torch.uint8:
        scene = (scene * 255).to(dtype)
    previous, current = scene[:, :17, :23].contiguous(), scene[:, 2:19, 5:28].contiguous()
    gate = reference.gate_levels(STILL_GATE)
    expected = reference.block_matching(previous, current, gate)
    assert expected.any()
    with launching(Emulator()):
        assert torch.equal(block_matching(previous, current), expected)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_cuda_reprojection_agrees_with_the_reference(scale, dtype, generator):
    values = (torch.rand(2, 17, 23, generator=generator) * 255).to(dtype)
    flow = 6 * torch.randn(2, -(-17 // scale), -(-23 // scale), generator=generator)
    with launching(Emulator()):
        moved, inside = reproject(values, flow)
    expected, expected_inside = reference.reproject(values, flow, scale)
    assert torch.equal(moved, expected)
    assert torch.equal(inside, expected_inside)


def test_cuda_shrinking_agrees_with_the_reference(generator):
    picture = torch.randint(0, 256, (3, 17, 23), dtype=torch.uint8, generator=generator)
    with launching(Emulator()):
        small = shrink(picture, 3)
    assert torch.equal(small, reference.shrink(picture, 3))
