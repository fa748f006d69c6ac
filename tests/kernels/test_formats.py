"""Display formats: right by vectors and plain geometry, native equal to the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stereocast.kernels import native
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

SIZES = [(17, 23), (1, 1), (33, 64)]


def eyes(height: int, width: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    dice = torch.Generator().manual_seed(seed)
    left, right = torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8, generator=dice)
    return left, right


def flat(*colour: int) -> Tensor:
    return torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, 4, 6).contiguous()


@pytest.fixture
def vectors(golden) -> dict[str, Tensor]:
    """Outputs of another open implementation, made on a CPU from two small random pictures."""
    with np.load(golden / "stereo" / "formats.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@pytest.mark.parametrize("kind", Anaglyph)
def test_anaglyphs_are_those_of_the_vectors(kind, vectors):
    mixed = anaglyph(vectors["left"], vectors["right"], recipe(kind))
    assert_close(mixed, vectors[f"ana_{kind.replace('-', '_')}"], atol=1e-5, rtol=0)


def test_arrangements_are_those_of_the_vectors(vectors):
    left, right = vectors["left"], vectors["right"]
    height, width = left.shape[1:]
    narrow = [reference.squeezed(eye, (height, width // 2)) for eye in (left, right)]
    low = [reference.squeezed(eye, (height // 2, width)) for eye in (left, right)]
    for name, mine in {
        "sbs": reference.side_by_side(left, right),
        "cross": reference.side_by_side(right, left),
        "tb": reference.top_bottom(left, right),
        "half_sbs": reference.side_by_side(*narrow),
        "half_tb": reference.top_bottom(*low),
    }.items():
        assert_close(mine, vectors[name], atol=1e-5, rtol=0, msg=name)


def test_the_half_sphere_of_the_vectors_is_met(vectors):
    view = reference.half_sphere_bicubic(vectors["left"])
    assert_close(view, vectors["vr180_left"], atol=2e-5, rtol=0)


@pytest.mark.parametrize("kind", Anaglyph)
def test_whole_numbers_are_within_one_of_the_definition(kind):
    left, right = eyes(200, 300)
    exact = anaglyph(left.double() / 255, right.double() / 255, recipe(kind)) * 255
    apart = (anaglyph(left, right, recipe(kind)).double() - exact).abs()
    assert apart.max() <= 1.0
    assert (apart > 0.6).float().mean() < 0.01


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", Anaglyph)
def test_native_anaglyphs_equal_the_reference(kind, size):
    left, right = eyes(*size)
    mixed = anaglyph(left, right, recipe(kind))
    assert torch.equal(mixed, reference.anaglyph_u8(left, right, recipe(kind)))


def test_each_eye_comes_through_its_own_glass_only():
    """Dubois: white in one eye is mostly red or mostly cyan, and grey in both stays near grey."""
    dubois, white, black = recipe(Anaglyph.DUBOIS), flat(255, 255, 255), flat(0, 0, 0)
    for left, right, strong, weak in ((white, black, (0,), (1, 2)), (black, white, (1, 2), (0,))):
        mixed = anaglyph(left, right, dubois)[:, 0, 0]
        assert mixed[list(strong)].min() > 250
        assert mixed[list(weak)].max() == 0
    grey = anaglyph(flat(120, 120, 120), flat(120, 120, 120), dubois)[:, 0, 0].int()
    assert (grey - 120).abs().max() <= 8


@pytest.mark.parametrize("size", SIZES)
def test_native_depth_pictures_equal_the_reference(size, generator):
    nearness = torch.rand(5, 9, generator=generator) * 1.4 - 0.2
    colours = palette(Palette.HEAT)
    picture = depth_picture(nearness, size, colours)
    assert torch.equal(picture, reference.depth_picture(nearness, size, colours))


def test_depth_is_bright_where_it_is_near():
    nearness = torch.tensor([[0.0, 1.0]])
    for name in Palette:
        row = depth_picture(nearness, (1, 8), palette(name))[:, 0].int()
        assert (row.sum(0).diff() >= 0).all()
    grey = depth_picture(nearness, (1, 8), palette(Palette.GREY))[0, 0]
    assert (grey[0], grey[-1]) == (0, 255)


def test_difference_is_zero_for_equal_eyes_and_twice_what_they_are_apart():
    left, right = eyes(5, 7)
    assert not difference(left, left).any()
    assert torch.equal(difference(left, right), reference.difference(left, right))
    assert difference(flat(10, 0, 200), flat(0, 10, 0))[:, 0, 0].tolist() == [20, 20, 255]


@pytest.mark.parametrize("hfov_deg", [40.0, 90.0, 170.0])
@pytest.mark.parametrize("size", SIZES)
def test_native_half_spheres_equal_the_reference(size, hfov_deg):
    picture, _ = eyes(*size)
    sphere = sphere_map(size, 62, hfov_deg=hfov_deg)
    assert torch.equal(half_sphere(picture, sphere), reference.half_sphere(picture, sphere))


@pytest.mark.parametrize("hfov_deg", [60.0, 90.0, 120.0])
def test_the_picture_fills_the_angle_that_was_asked_for(hfov_deg):
    """Along the horizon the picture ends at ± hfov/2; on the meridian at its vertical angle."""
    height, width, side = 180, 320, 720
    white = torch.full((3, height, width), 255, dtype=torch.uint8)
    view = half_sphere(white, sphere_map((height, width), side, hfov_deg=hfov_deg))[0]
    columns, rows = (view[side // 2] > 0).sum(), (view[:, side // 2] > 0).sum()
    vfov_deg = 2 * math.degrees(math.atan(height / width * math.tan(math.radians(hfov_deg / 2))))
    assert abs(int(columns) * 180 / side - hfov_deg) <= 0.5
    assert abs(int(rows) * 180 / side - vfov_deg) <= 0.5


def test_straight_lines_are_straight_again_for_who_looks_at_the_half_sphere():
    """Each direction shows the pixel that a pinhole camera of that angle would see there."""
    height, width, side, hfov_deg = 200, 300, 900, 80.0
    ramps = torch.stack(
        torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    ).clamp_max(255)
    picture = torch.cat((ramps, ramps[:1])).to(torch.uint8)
    view = half_sphere(picture, sphere_map((height, width), side, hfov_deg=hfov_deg))
    focal_px = width / 2 / math.tan(math.radians(hfov_deg / 2))
    for azimuth_deg, elevation_deg in ((0, 0), (20, 10), (-25, 15), (-30, -20), (10, -22)):
        azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
        ray = (
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
            math.cos(elevation) * math.cos(azimuth),
        )
        row = focal_px * ray[1] / ray[2] + (height - 1) / 2
        column = focal_px * ray[0] / ray[2] + (width - 1) / 2
        at = [round((deg / 180 + 0.5) * side - 0.5) for deg in (elevation_deg, azimuth_deg)]
        assert abs(float(view[0, at[0], at[1]]) - row) <= 2
        assert abs(float(view[1, at[0], at[1]]) - column) <= 2


def test_the_number_of_threads_changes_nothing():
    left, right = eyes(65, 47)
    sphere, dubois = sphere_map((65, 47), 98, hfov_deg=100), recipe(Anaglyph.DUBOIS)
    results = []
    for threads in (3, 1):
        native.set_threads(threads)
        results.append((anaglyph(left, right, dubois), half_sphere(left, sphere)))
    for first, second in zip(*results, strict=True):
        assert torch.equal(first, second)


def test_wrong_arguments_are_refused():
    left, right = eyes(4, 6)
    with pytest.raises(ValueError, match="one size and dtype"):
        anaglyph(left, right[:, :2], recipe(Anaglyph.GRAY))
    with pytest.raises(ValueError, match="difference needs uint8"):
        difference(left.float(), right.float())
    with pytest.raises(ValueError, match=r"float32 \[h, w\]"):
        depth_picture(left[0], (4, 6), palette(Palette.GREY))
    with pytest.raises(ValueError, match=r"palette uint8 \[256, 3\]"):
        depth_picture(torch.rand(2, 2), (4, 6), torch.zeros(3, 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"half_sphere needs uint8 \[3, H, W\]"):
        half_sphere(left[0], sphere_map((4, 6), 8, hfov_deg=90))
    for angle in (0.0, 180.0, math.nan):
        with pytest.raises(ValueError, match="between 0 and 180"):
            sphere_map((4, 6), 8, hfov_deg=angle)
