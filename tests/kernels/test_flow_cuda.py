"""The CUDA form of block matching and re-projection, executed on the CPU, against the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels.flow import STILL_GATE, reference
from tests.cuda_on_cpu import KERNELS, run_kernel

SOURCE = KERNELS / "flow" / "kernel.cu"
THREADS = 64
GREY = {torch.uint8: "stereocast_flow_grey_u8", torch.float32: "stereocast_flow_grey_f32"}
REPROJECT = {
    torch.uint8: "stereocast_flow_reproject_u8",
    torch.float32: "stereocast_flow_reproject_f32",
}


def run(name: str, count: int, *args: Tensor | int) -> None:
    blocks = -(-count // THREADS)
    run_kernel(SOURCE, name, grid=[blocks], block=[THREADS], args=args)


def pyramid(picture: Tensor) -> list[Tensor]:
    channels, height, width = picture.shape
    levels = [torch.zeros(height, width, dtype=torch.uint8)]
    run(GREY[picture.dtype], height * width, picture, channels, height * width, levels[0])
    for _ in range(2):
        full = levels[-1]
        half = torch.zeros(-(-full.shape[0] // 2), -(-full.shape[1] // 2), dtype=torch.uint8)
        run("stereocast_flow_halve", half.numel(), full, *full.shape, half)
        levels.append(half)
    return levels


def matched(previous: Tensor, current: Tensor, gate: int) -> Tensor:
    before, now = pyramid(previous), pyramid(current)
    fields = [torch.zeros(*now[n].shape, 2, dtype=torch.int32) for n in (2, 1, 1)]
    run_kernel(
        SOURCE, "stereocast_flow_search", grid=[now[2].numel()], block=[THREADS],
        args=[before[2], now[2], *now[2].shape, fields[0]],
    )  # fmt: skip
    for level, stride, ratio, finish in ((1, 1, 2, 0), (0, 2, 1, 1)):
        above, field = fields[1 - level], fields[2 - level]
        run("stereocast_flow_refine", field.numel() // 2, before[level], now[level],
            *now[level].shape, stride, above, *above.shape[:2], ratio, finish, field)  # fmt: skip
    down, across = fields[2].shape[:2]
    excess = torch.zeros(down, across, dtype=torch.int32)
    resting = torch.zeros(down, across, dtype=torch.uint8)
    flow = torch.zeros(2, down, across)
    run(
        "stereocast_flow_errors", down * across, before[0], now[0], *now[0].shape, fields[2], excess
    )
    run("stereocast_flow_rest", down * across, excess, down, across, gate, resting)
    run("stereocast_flow_write", down * across, fields[2], resting, down, across, flow)
    return flow


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
    assert torch.equal(matched(previous, current, gate), expected)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_cuda_reprojection_agrees_with_the_reference(scale, dtype, generator):
    values = (torch.rand(2, 17, 23, generator=generator) * 255).to(dtype)
    flow = 6 * torch.randn(2, -(-17 // scale), -(-23 // scale), generator=generator)
    moved, inside = torch.zeros_like(values), torch.zeros(17, 23, dtype=torch.bool)
    run(REPROJECT[values.dtype], 17 * 23, values, flow, 2, 17, 23, scale, moved, inside)
    expected, expected_inside = reference.reproject(values, flow, scale)
    assert torch.equal(moved, expected)
    assert torch.equal(inside, expected_inside)


def test_cuda_shrinking_agrees_with_the_reference(generator):
    picture = torch.randint(0, 256, (3, 17, 23), dtype=torch.uint8, generator=generator)
    small = torch.zeros(1, 5, 7, dtype=torch.uint8)
    run("stereocast_flow_shrink", 35, picture, 17, 23, 3, small)
    assert torch.equal(small, reference.shrink(picture, 3))
