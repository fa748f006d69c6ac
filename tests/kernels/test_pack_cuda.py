"""The CUDA form of packing, run on the CPU, equals the reference bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from stereocast.kernels.launch import launching
from stereocast.kernels.pack import Packing, Pixels, Squeeze, pack_pictures, reference
from tests.cuda_on_cpu.launcher import Emulator

SQUEEZES = (
    (Squeeze.NONE, False),
    (Squeeze.WIDTH, False),
    (Squeeze.HEIGHT, False),
    (Squeeze.WIDTH, True),
    (Squeeze.HEIGHT, True),
)


def packed_by_cuda(
    pictures: Sequence[Tensor], packing: Packing, *, strip: Tensor | None = None
) -> Tensor:
    with launching(Emulator()):
        return pack_pictures(pictures, packing, strip=strip)


def noise(count: int, height: int, width: int) -> list[Tensor]:
    dice = torch.Generator().manual_seed(0)
    shape = (count, 3, height, width)
    return list(torch.randint(0, 256, shape, dtype=torch.uint8, generator=dice).unbind())


@pytest.mark.parametrize("pixels", Pixels)
@pytest.mark.parametrize(("squeeze", "sharp"), SQUEEZES)
def test_cuda_equals_the_reference(pixels, squeeze, sharp):
    for size, (count, columns) in itertools.product([(17, 23), (1, 1)], [(2, 2), (2, 1), (4, 2)]):
        pictures = noise(count, *size)
        packing = Packing(columns, squeeze, sharp, pixels=pixels)
        assert torch.equal(
            packed_by_cuda(pictures, packing), reference.pack_pictures(pictures, packing)
        )


@pytest.mark.parametrize("pixels", Pixels)
@pytest.mark.parametrize("packing", [Packing(), Packing(crossed=True), Packing(columns=1)])
def test_a_cuda_barcode_equals_the_reference(pixels, packing):
    packing = Packing(packing.columns, crossed=packing.crossed, pixels=pixels)
    pictures, strip = noise(2, 33, 322), torch.tensor([0x1ABCDEF, 0xFFFFFF])
    expected = reference.pack_pictures(pictures, packing, strip=strip)
    assert torch.equal(packed_by_cuda(pictures, packing, strip=strip), expected)
