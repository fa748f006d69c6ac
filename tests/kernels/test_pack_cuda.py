"""The CUDA form of packing, run on the CPU, equals the reference bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from stereocast.kernels.pack import Packing, Pixels, Squeeze, reference, strip_scale
from tests.cuda_on_cpu import KERNELS, run_kernel

SOURCE = KERNELS / "pack" / "kernel.cu"
PIXELS = tuple(Pixels)
SQUEEZES = {
    (Squeeze.NONE, False): 0,
    (Squeeze.WIDTH, False): 1,
    (Squeeze.HEIGHT, False): 2,
    (Squeeze.WIDTH, True): 3,
    (Squeeze.HEIGHT, True): 4,
}


def packed_by_cuda(
    pictures: Sequence[Tensor], packing: Packing, *, strip: Tensor | None = None
) -> Tensor:
    height, width = pictures[0].shape[1:]
    part_height, part_width = packing.part_size(height, width)
    rows, pixels = len(pictures) // packing.columns, PIXELS.index(packing.pixels)
    whole_height, whole_width = rows * part_height, packing.columns * part_width
    surface = torch.full(packing.surface_shape(height, width, len(pictures)), 77).to(torch.uint8)
    run_kernel(
        SOURCE, "stereocast_pack",
        grid=(-(-whole_width // 64), -(-whole_height // 16)), block=(32, 8),
        args=[
            *pictures, *[None] * (4 - len(pictures)), height, width, packing.columns, rows,
            part_height, part_width, SQUEEZES[packing.squeeze, packing.sharp], pixels, surface,
        ],
    )  # fmt: skip
    if strip is not None:
        corners = itertools.chain(*packing.eye_corners(part_height, part_width))
        scale = strip_scale(part_height)
        run_kernel(
            SOURCE, "stereocast_pack_strip", grid=(10 * scale, 4 * scale, 2), block=(32, 8),
            args=[surface, whole_height, whole_width, pixels, *corners, scale, strip],
        )  # fmt: skip
    return surface


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
