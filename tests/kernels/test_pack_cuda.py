"""The CUDA form of the packing, executed on the CPU."""

from __future__ import annotations

import pytest
import torch

from stereocast.kernels.pack import pack_sbs
from tests.cuda_on_cpu import KERNELS, run_kernel


@pytest.mark.parametrize("half_width", [False, True])
@pytest.mark.parametrize("size", [(16, 22), (17, 23), (17, 25), (1, 1)], ids=str)
def test_the_cuda_kernel_equals_the_packing_bit_for_bit(size, half_width, generator):
    left, right = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8, generator=generator)
    expected = pack_sbs(left, right, half_width=half_width)
    surface = torch.zeros_like(expected)
    height, width = expected.shape[0] * 2 // 3, expected.shape[1]
    run_kernel(
        KERNELS / "pack" / "kernel.cu",
        "stereocast_pack_sbs",
        grid=[(width // 2 + 31) // 32, (height // 2 + 7) // 8],
        block=[32, 8],
        args=[left, right, surface, *size, height, width, int(half_width)],
    )
    assert torch.equal(surface, expected)
