"""The CUDA form of the display formats, run on the CPU, equals the reference bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from stereocast.kernels.formats import (
    Anaglyph,
    Palette,
    anaglyph,
    depth_picture,
    difference,
    half_sphere,
    palette,
    recipe,
    reference,
    sphere_map,
)
from stereocast.kernels.launch import launching
from tests.cuda_on_cpu.launcher import Emulator

SIZE = (17, 37)


@pytest.fixture(autouse=True)
def _on_the_emulator() -> Iterator[None]:
    with launching(Emulator()):
        yield


@pytest.fixture
def eyes(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    left, right = torch.randint(0, 256, (2, 3, *SIZE), dtype=torch.uint8, generator=generator)
    return left, right


@pytest.mark.parametrize("kind", Anaglyph)
def test_anaglyphs_equal_the_reference(kind, eyes):
    numbers = recipe(kind)
    assert torch.equal(anaglyph(*eyes, numbers), reference.anaglyph_u8(*eyes, numbers))


def test_depth_pictures_equal_the_reference(generator):
    nearness = torch.rand(5, 9, generator=generator) * 1.4 - 0.2
    colours = palette(Palette.HEAT)
    picture = depth_picture(nearness, SIZE, colours)
    assert torch.equal(picture, reference.depth_picture(nearness, SIZE, colours))


def test_differences_equal_the_reference(eyes):
    assert torch.equal(difference(*eyes), reference.difference(*eyes))


@pytest.mark.parametrize("hfov_deg", [40.0, 90.0, 170.0])
def test_half_spheres_equal_the_reference(hfov_deg, eyes):
    sphere = sphere_map(SIZE, 54, hfov_deg=hfov_deg)
    view = half_sphere(eyes[0], sphere)
    assert torch.equal(view, reference.half_sphere(eyes[0], sphere))
