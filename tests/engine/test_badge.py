"""The words over a picture that stands still: in both eyes, on the screen, readable."""

from __future__ import annotations

import pytest
import torch

from stereocast.engine.badge import _COLUMNS, _LETTERS, _MARGIN, away_words, with_badge
from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout

LAYOUTS = [layout for layout in Layout if layout.keeps_both_eyes]


def noise(layout: Layout, height: int, width: int) -> StereoFrame:
    packed = layout.packed_size(height, width)
    chance = torch.Generator().manual_seed(3)
    size = (packed[0] * 3 // 2, packed[1])
    surface = torch.randint(60, 200, size, generator=chance, dtype=torch.uint8)
    return StereoFrame(surface, layout, 0, 0)


def changed(before: StereoFrame, after: StereoFrame) -> torch.Tensor:
    rows = before.height
    return before.surface[:rows] != after.surface[:rows]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_at_the_same_place_of_both_eyes_and_nothing_else_changes(layout: Layout) -> None:
    before = noise(layout, 180, 320)
    kept = before.surface.clone()
    after = with_badge(before, "SOURCE AWAY 12 S")
    assert torch.equal(before.surface, kept)
    eyes = [
        (eye, changed(before, after)[eye.top : eye.top + eye.height, eye.left :][:, : eye.width])
        for eye in layout.eye_boxes(before.height, before.width)
    ]
    (left, mask), (right, other) = eyes
    assert torch.equal(mask, other)
    assert 0.005 < mask.float().mean() < 0.1
    rows, columns = (side.nonzero().flatten() for side in (mask.any(1), mask.any(0)))
    drawn = [
        after.surface[eye.top + rows[0] : eye.top + rows[-1] + 1, eye.left + columns[0] :][
            :, : columns[-1] - columns[0] + 1
        ]
        for eye in (left, right)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert set(drawn[0].unique().tolist()) == {16, 235}
    # In the middle, to within a pixel.
    assert abs(columns[0] + columns[-1] + 1 - left.width) <= 2


def test_at_720_rows_of_half_sbs_every_dot_can_be_read_back() -> None:
    words = "SOURCE AWAY 12 S"
    before = noise(Layout.HALF_SBS, 720, 1280)
    after = with_badge(before, words)
    left = changed(before, after)[:, : before.width // 2]
    top, at = left.any(1).nonzero()[0, 0], left.any(0).nonzero()[0, 0]
    tall, wide = 6, 3
    read = after.surface[top + tall // 2 :: tall, at + wide // 2 :: wide] > 128
    for place, letter in enumerate(words):
        cell = read[_MARGIN : _MARGIN + 7, _MARGIN + _COLUMNS * place :][:, :5]
        rows = [int("".join(str(int(dot)) for dot in row), 2) for row in cell.tolist()]
        assert rows == [int(bits, 16) for bits in _LETTERS[letter].split()], letter


@pytest.mark.parametrize("layout", list(Layout))
def test_where_there_is_no_room_the_picture_stays_as_it_is(layout: Layout) -> None:
    tiny = noise(layout, 16, 16)
    after = with_badge(tiny, away_words(1))
    assert after.surface.shape == tiny.surface.shape
    if layout.keeps_both_eyes and layout is not Layout.VR180:
        assert torch.equal(after.surface, tiny.surface)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "SOURCE AWAY 1 S"), (119, "SOURCE AWAY 119 S"), (120, "SOURCE AWAY 2 MIN"),
     (7199, "SOURCE AWAY 119 MIN"), (7200, "SOURCE AWAY 2 H"), (10**7, "SOURCE AWAY 2777 H")],
)  # fmt: skip
def test_every_age_has_words_that_can_be_drawn(seconds: int, words: str) -> None:
    assert away_words(seconds) == words
    assert set(words) <= set(_LETTERS)


def test_every_letter_has_seven_rows_of_five_dots_and_its_own_shape() -> None:
    shapes = [tuple(int(bits, 16) for bits in text.split()) for text in _LETTERS.values()]
    assert all(len(shape) == 7 and max(shape) < 32 for shape in shapes)
    assert len(set(shapes)) == len(shapes)
