"""The CUDA form of the display formats, run on the CPU, equals the reference bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stereocast.kernels.formats import Anaglyph, Palette, palette, recipe, reference, sphere_map
from tests.cuda_on_cpu import KERNELS, run_kernel

SIZE = (17, 37)


def run(name: str, size: tuple[int, int], *args: Tensor | float) -> None:
    """Run one of the kernels with a thread for every pixel of `size`."""
    height, width = size
    run_kernel(
        KERNELS / "formats" / "kernel.cu", name,
        grid=(-(-width // 32), -(-height // 8)), block=(32, 8), args=args,
    )  # fmt: skip


@pytest.fixture
def eyes(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    left, right = torch.randint(0, 256, (2, 3, *SIZE), dtype=torch.uint8, generator=generator)
    return left, right


@pytest.mark.parametrize("kind", Anaglyph)
def test_anaglyphs_equal_the_reference(kind, eyes):
    numbers, mixed = recipe(kind), torch.zeros_like(eyes[0])
    tables = numbers.matrix, numbers.decode, numbers.encode
    run("stereocast_formats_anaglyph", SIZE, *eyes, *SIZE, numbers.mode, *tables, mixed)
    assert torch.equal(mixed, reference.anaglyph_u8(*eyes, numbers))


def test_depth_pictures_equal_the_reference(generator):
    nearness = torch.rand(5, 9, generator=generator) * 1.4 - 0.2
    colours, picture = palette(Palette.HEAT), torch.zeros(3, *SIZE, dtype=torch.uint8)
    scales = (float(np.float32(count / size)) for count, size in zip((5, 9), SIZE, strict=True))
    run("stereocast_formats_depth_picture", SIZE, nearness, 5, 9, *scales, colours, *SIZE, picture)
    assert torch.equal(picture, reference.depth_picture(nearness, SIZE, colours))


def test_differences_equal_the_reference(eyes):
    apart = torch.zeros_like(eyes[0])
    run("stereocast_formats_difference", SIZE, *eyes, *SIZE, apart)
    assert torch.equal(apart, reference.difference(*eyes))


@pytest.mark.parametrize("hfov_deg", [40.0, 90.0, 170.0])
def test_half_spheres_equal_the_reference(hfov_deg, eyes):
    sphere = sphere_map(SIZE, 54, hfov_deg=hfov_deg)
    view = torch.full((3, 54, 54), 9, dtype=torch.uint8)
    places = sphere.column_x, sphere.column_secant, sphere.row_y, sphere.middle_y
    run("stereocast_formats_half_sphere", (54, 54), eyes[0], *SIZE, *places, 54, view)
    assert torch.equal(view, reference.half_sphere(eyes[0], sphere))
