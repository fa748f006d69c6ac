"""The latency strip: golden words, geometry, and what it survives."""

from __future__ import annotations

import numpy as np
import pytest

from stereocast.engine.layout import Layout
from stereocast.runtime import barcode


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width), 90, np.uint8)


@pytest.mark.parametrize(("counter", "bits"), [(1, 0xB879), (123456, 0xB2AE)])
def test_check_bits_have_their_golden_values(counter: int, bits: int) -> None:
    assert barcode.check(counter) == bits


def test_cells_are_the_golden_word_most_significant_first() -> None:
    luma = grey(720, 640)
    barcode.draw_eye(luma, source=123456, encoder=0, right=False)
    cells = luma[8, 4 : 320 : barcode.CELL_WIDTH_PX]
    assert int("".join("1" if cell == 235 else "0" for cell in cells), 2) == 0x1E240B2AE


def test_second_row_is_directly_below_and_starts_with_the_eye_bit() -> None:
    luma = grey(720, 640)
    barcode.draw_eye(luma, source=0, encoder=0, right=True)
    assert luma[16, 0] == 235
    assert luma[31, 0] == 235
    assert luma[32, 0] == 90


@pytest.mark.parametrize(("height", "scale"), [(33, 1), (719, 1), (720, 1), (1080, 1), (1440, 2)])
def test_cells_grow_with_the_eye(height: int, scale: int) -> None:
    assert barcode.strip_size(height) == (32 * scale, 320 * scale)
    luma = grey(height, 700)
    barcode.draw_eye(luma, source=77, encoder=5, right=True)
    assert barcode.read_eye(luma) == barcode.EyeStrip(77, 5, True)
    assert (luma[32 * scale :] == 90).all()
    assert (luma[:, 320 * scale :] == 90).all()


@pytest.mark.parametrize("layout", [layout for layout in Layout if layout.keeps_both_eyes])
@pytest.mark.parametrize("counter", [0, 1, 0x7FFFFF, 0x800000, 0xFFFFFF])
def test_both_eyes_read_back_what_was_drawn(layout: Layout, counter: int) -> None:
    luma = grey(74, 646)
    barcode.draw_picture(luma, layout, source=counter, encoder=counter)
    assert barcode.read_picture(luma, layout) == (
        barcode.EyeStrip(counter, counter & 0x7FFFFF, False),
        barcode.EyeStrip(counter, counter & 0x7FFFFF, True),
    )


@pytest.mark.parametrize(
    ("layout", "left_eye"),
    [(Layout.FULL_TB, (0, 0)), (Layout.CROSS_EYED, (0, 323)), (Layout.VR180, (0, 0))],
)
def test_each_eye_is_stamped_where_the_layout_has_it(
    layout: Layout, left_eye: tuple[int, int]
) -> None:
    luma = grey(74, 646)
    barcode.draw_picture(luma, layout, source=5, encoder=6)
    top, left = left_eye
    box = layout.eye_boxes(74, 646)[0]
    found = barcode.read_eye(luma[top : top + box.height, left : left + box.width])
    assert found == barcode.EyeStrip(5, 6, False)


@pytest.mark.parametrize("layout", [Layout.ANAGLYPH, Layout.RGB_DEPTH, Layout.DEBUG_GRID])
def test_what_keeps_no_eyes_has_no_strip(layout: Layout) -> None:
    assert barcode.read_picture(grey(74, 646), layout) == (None, None)
    with pytest.raises(ValueError, match="no two eyes"):
        barcode.draw_picture(grey(74, 646), layout, source=5, encoder=6)


def test_counters_wrap_at_their_width() -> None:
    luma = grey(37, 330)
    barcode.draw_eye(luma, source=1 << 24 | 9, encoder=1 << 23 | 8, right=False)
    assert barcode.read_eye(luma) == barcode.EyeStrip(9, 8, False)


def test_row_strides_do_not_matter() -> None:
    padded = grey(37, 1000)
    view = padded[:, 100:746]
    barcode.draw_picture(view, Layout.FULL_SBS, source=3, encoder=4)
    left, right = barcode.read_picture(view, Layout.FULL_SBS)
    assert left is not None and right is not None
    assert (left.source, right.encoder) == (3, 4)


@pytest.mark.parametrize("row", [0, 1])
def test_one_wrong_cell_fails_the_check(row: int) -> None:
    for cell in range(barcode.CELLS):
        luma = grey(37, 330)
        barcode.draw_eye(luma, source=1234567, encoder=7654321 & 0x7FFFFF, right=False)
        wrong = luma[row * 16 : row * 16 + 16, cell * 8 : cell * 8 + 8]
        wrong[:] = 251 - wrong
        assert barcode.read_eye(luma) is None


def test_noise_is_never_a_strip() -> None:
    noise = np.random.default_rng(0)
    assert all(
        barcode.read_eye(noise.integers(0, 256, (37, 330), np.uint8)) is None for _ in range(200)
    )


def test_strong_noise_on_a_strip_is_averaged_away() -> None:
    luma = grey(37, 330)
    barcode.draw_eye(luma, source=0xABCDEF, encoder=0x123456, right=True)
    noise = np.random.default_rng(1).normal(0, 60, luma.shape)
    noisy = np.clip(luma + noise, 0, 255).astype(np.uint8)
    assert barcode.read_eye(noisy) == barcode.EyeStrip(0xABCDEF, 0x123456, True)


def test_an_eye_too_small_reads_as_nothing_and_refuses_to_be_drawn() -> None:
    luma = grey(31, 400)
    assert barcode.read_eye(luma) is None
    with pytest.raises(ValueError, match=r"needs 320×32 pixels, the eye has 400×31"):
        barcode.draw_eye(luma, source=0, encoder=0, right=False)


def test_an_odd_width_has_no_two_halves() -> None:
    with pytest.raises(ValueError, match="even width"):
        barcode.read_picture(grey(40, 641), Layout.HALF_SBS)
