"""Every layout: sizes as promised, each eye where the layout says, nothing where it has none."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.engine.layout import Layout, half_sphere_size
from stereocast.engine.packing import FormatsConfig, PackInput, PackStage
from stereocast.engine.stage import tensors_of

SIZES = [(17, 23), (1, 1), (36, 64)]
BLACK, WHITE, GREY = 0, 255, 120


def flat(size: tuple[int, int], shade: int) -> Tensor:
    return torch.full((3, *size), shade, dtype=torch.uint8)


def packed(layout: Layout, size: tuple[int, int], *, config: FormatsConfig | None = None) -> Tensor:
    """Return the luma of a black left and a white right eye, made from a grey picture."""
    stage = PackStage(size, layout, config)
    depth = torch.linspace(0, 1, 7).expand(5, 7).contiguous()
    eyes = flat(size, BLACK), flat(size, WHITE)
    _, surface = stage.step(stage.init(), PackInput(flat(size, GREY), eyes, depth, torch.zeros(1)))
    return surface[: surface.shape[0] * 2 // 3]


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("size", SIZES)
def test_the_picture_has_the_size_that_the_layout_promises(layout, size):
    assert tuple(packed(layout, size).shape) == layout.packed_size(*size)


@pytest.mark.parametrize("layout", [layout for layout in Layout if layout.keeps_both_eyes])
def test_each_eye_is_in_its_box(layout):
    luma = packed(layout, (36, 64))
    left, right = (
        luma[box.top : box.top + box.height, box.left : box.left + box.width]
        for box in layout.eye_boxes(*luma.shape)
    )
    assert left.max() == 16
    assert right[right.shape[0] // 2, right.shape[1] // 2] == 235
    if layout is not Layout.VR180:
        assert right.min() == 235
        unsqueezed = layout.eye_size(*luma.shape)
        assert unsqueezed == (36, 64)


def test_an_anaglyph_of_black_and_white_lights_the_right_glass_only():
    stage = PackStage((8, 8), Layout.ANAGLYPH, FormatsConfig(anaglyph="color"))
    eyes, depth = (flat((8, 8), BLACK), flat((8, 8), WHITE)), torch.zeros(2, 2)
    _, surface = stage.step(stage.init(), PackInput(eyes[0], eyes, depth, torch.zeros(1)))
    cyan = 16 + 219 * (1 - 0.2126)
    assert abs(float(surface[0, 0]) - cyan) < 1


def test_depth_stands_beside_the_untouched_picture_and_near_is_bright():
    luma = packed(Layout.RGB_DEPTH, (36, 64)).int()
    assert (luma[:, :64] - luma[0, 0]).abs().max() == 0
    assert abs(int(luma[0, 0]) - (16 + 219 * GREY / 255)) <= 1
    assert (luma[:, 64:].diff(dim=1) >= 0).all()
    assert (luma[0, 64], luma[0, -1]) == (16, 235)


def test_the_grid_shows_eyes_depth_and_difference():
    luma = packed(Layout.DEBUG_GRID, (36, 64))
    assert (luma[:36, :64] == 16).all() and (luma[:36, 64:] == 235).all()
    assert (luma[36:, 64:] == 235).all()  # black against white
    assert luma[36:, :64].unique().numel() > 20


def test_half_spheres_are_even_and_fit_a_headsets_decoder():
    assert half_sphere_size(720, 1280) == 1920
    assert half_sphere_size(2160, 3840) == 2048
    assert half_sphere_size(1, 1) % 2 == 0


def test_only_layouts_with_depth_remember_its_range():
    for layout in Layout:
        remembers = layout in (Layout.RGB_DEPTH, Layout.DEBUG_GRID)
        state = PackStage((8, 8), layout).init()
        assert bool(list(tensors_of(state))) == remembers


def test_a_barcode_needs_eyes():
    stage, depth = PackStage((64, 400), Layout.ANAGLYPH), torch.zeros(2, 2)
    eyes = flat((64, 400), BLACK), flat((64, 400), WHITE)
    x = PackInput(eyes[0], eyes, depth, torch.zeros(1), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="anaglyph picture has no eyes"):
        stage.step(stage.init(), x)


@pytest.mark.parametrize("layout", [Layout.ANAGLYPH, Layout.RGB_DEPTH, Layout.DEBUG_GRID])
def test_eyes_that_are_not_kept_cannot_be_cut_out(layout):
    with pytest.raises(ValueError, match="no two eyes"):
        layout.eye_boxes(36, 64)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"anaglyph": "duboi"}, "'duboi' is not one of dubois, dubois2, color"),
        ({"depth_colours": "gray"}, "'gray' is not one of grey, heat"),
        ({"hfov_deg": 0.0}, r"in \[1, 170\], got 0"),
        ({"hfov_deg": float("nan")}, r"in \[1, 170\], got nan"),
    ],
)
def test_impossible_settings_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        FormatsConfig(**settings)
