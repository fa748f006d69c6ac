"""What a viewer makes of any layout: the eyes in their places and true proportions."""

from __future__ import annotations

import av
import numpy as np
import pytest
import torch

from stereocast.engine.errors import ConfigError, TransportError
from stereocast.engine.layout import Layout, View
from stereocast.kernels.formats import Anaglyph, anaglyph, recipe
from stereocast.runtime.encode.surface import video_frame
from stereocast.runtime.watch.view import (
    check_view,
    dubois_anaglyph,
    layout_of,
    view_pixels,
    view_size,
)

WITH_EYES = [layout for layout in Layout if layout.keeps_both_eyes]
HEIGHT, WIDTH = 48, 96


def picture(layout: Layout) -> av.VideoFrame:
    """Make a decoded picture of 96×48 whose left eye is dark and whose right eye is bright."""
    surface = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    shades = (16, 235) if layout.keeps_both_eyes else (126, 126)
    boxes = layout.eye_boxes(HEIGHT, WIDTH) if layout.keeps_both_eyes else ()
    surface[:HEIGHT] = shades[0]
    for box, shade in zip(boxes, shades, strict=False):
        surface[box.top : box.top + box.height, box.left : box.left + box.width] = shade
    return video_frame(surface)


@pytest.mark.parametrize("layout", WITH_EYES)
def test_each_eye_can_be_seen_alone(layout: Layout) -> None:
    left = view_pixels(picture(layout), layout, View.LEFT)
    right = view_pixels(picture(layout), layout, View.RIGHT)
    assert left.shape == right.shape == (*layout.eye_size(HEIGHT, WIDTH), 3)
    # Scaling mixes a little of the other eye into the columns or rows at the seam.
    assert np.median(left) <= 2 and np.median(right) >= 253


@pytest.mark.parametrize("layout", WITH_EYES)
def test_side_by_side_has_the_left_eye_on_the_left_whatever_came(layout: Layout) -> None:
    pixels = view_pixels(picture(layout), layout, View.SBS, size=(80, 40))
    assert pixels.shape == (40, 80, 3)
    assert pixels[:, :36].max() <= 60 and pixels[:, 44:].min() >= 195


@pytest.mark.parametrize("layout", WITH_EYES)
def test_an_anaglyph_can_be_made_of_every_layout_with_eyes(layout: Layout) -> None:
    red, green, blue = view_pixels(picture(layout), layout, View.ANAGLYPH)[20, 20]
    assert red <= 2 and min(green, blue) >= 250


@pytest.mark.parametrize("layout", Layout)
def test_every_layout_can_be_seen_as_it_comes(layout: Layout) -> None:
    pixels = view_pixels(picture(layout), layout, View.PACKED)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert view_size(View.PACKED, layout, WIDTH, HEIGHT) == (WIDTH, HEIGHT)
    check_view(View.PACKED, layout)


@pytest.mark.parametrize("layout", [layout for layout in Layout if layout not in WITH_EYES])
def test_a_view_that_needs_eyes_is_refused_where_there_are_none(layout: Layout) -> None:
    for view in (View.LEFT, View.RIGHT, View.SBS, View.ANAGLYPH):
        with pytest.raises(ConfigError, match=f"--view {view}: the stream is {layout}"):
            check_view(view, layout)


def test_the_viewers_anaglyph_is_the_products_within_one() -> None:
    dice = torch.Generator().manual_seed(0)
    left, right = torch.randint(0, 256, (2, 3, 90, 120), dtype=torch.uint8, generator=dice)
    ours = dubois_anaglyph(left.permute(1, 2, 0).numpy(), right.permute(1, 2, 0).numpy())
    product = anaglyph(left, right, recipe(Anaglyph.DUBOIS)).permute(1, 2, 0).numpy()
    assert np.abs(ours.astype(int) - product).max() <= 1


def test_a_layout_of_the_future_is_refused_in_one_line() -> None:
    assert layout_of("half-tb") is Layout.HALF_TB
    with pytest.raises(TransportError, match="sends layout 'hologram'; this viewer knows full-sbs"):
        layout_of("hologram")
