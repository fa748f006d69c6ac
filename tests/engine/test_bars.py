"""Black bars: found where they are, kept out of depth, and never seen in the dark."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.stereo.bars import BarsFinder, Window
from stereocast.engine.stereo.range import RangeTracker

SIZE = (180, 320)
DT = torch.tensor([1 / 30])


def noise(height: int, width: int, low: int = 0, high: int = 256) -> Tensor:
    g = torch.Generator().manual_seed(height * width)
    return torch.randint(low, high, (3, height, width), dtype=torch.uint8, generator=g)


def boxed(picture: Tensor, *, black: int = 12) -> Tensor:
    """Put the picture into the middle of a frame with the black of a coded video."""
    frame = noise(*SIZE, 0, black)
    top, left = ((size - have) // 2 for size, have in zip(SIZE, picture.shape[1:], strict=True))
    frame[:, top : top + picture.shape[1], left : left + picture.shape[2]] = picture
    return frame


def found(*frames: Tensor, dt: Tensor = DT) -> list[float]:
    finder = BarsFinder(SIZE)
    state = finder.init()
    for frame in frames:
        state, window = finder.step(state, frame, dt)
    return [round(float(bar), 3) for bar in window.bars]


@pytest.mark.parametrize(
    ("picture", "bars"),
    [
        ((136, 320), [22 / 180, 0]),
        ((180, 240), [0, 40 / 320]),
        ((136, 240), [22 / 180, 40 / 320]),
        ((180, 320), [0, 0]),
    ],
)
def test_bars_are_found_in_the_first_frame(picture, bars):
    assert found(boxed(noise(*picture))) == pytest.approx(bars, abs=0.006)


def test_a_dark_scene_without_bars_is_not_cropped():
    lines = torch.linspace(-1, 1, SIZE[0])[:, None], torch.linspace(-1, 1, SIZE[1])[None]
    vignette = (1 - (lines[0].square() + lines[1].square())).clamp_min(0)
    spot = (vignette * 90).to(torch.uint8).expand(3, *SIZE).contiguous()
    figure = torch.zeros(3, *SIZE, dtype=torch.uint8)
    figure[:, 30:150, 140:180] = 200
    for frame in (spot, figure, noise(*SIZE, 0, 20), torch.zeros(3, *SIZE, dtype=torch.uint8)):
        assert found(frame) == [0, 0]


def test_a_bar_on_one_side_only_is_taken_for_the_scene():
    frame = noise(*SIZE)
    frame[:, :30] = 0
    assert found(frame) == [0, 0]


def test_found_bars_survive_darkness_and_subtitles():
    film = boxed(noise(136, 320))
    night = torch.zeros(3, *SIZE, dtype=torch.uint8)
    subtitled = film.clone()
    subtitled[:, 162:172, 100:220:2] = 250
    assert found(film, *[night] * 30, *[subtitled] * 90) == pytest.approx([22 / 180, 0], abs=0.006)


def test_bars_that_fill_with_picture_are_dropped_when_that_lasts():
    film, full = boxed(noise(136, 320)), noise(*SIZE)
    assert found(film, *[full] * 5)[0] > 0.1, "a flash is no other format"
    assert found(film, *[full] * 20) == [0, 0]


def test_bars_that_come_are_taken_when_they_last():
    full, film = noise(*SIZE), boxed(noise(136, 320))
    assert found(full, *[film] * 5) == [0, 0]
    assert found(full, *[film] * 20)[0] > 0.1


def test_the_range_of_a_letterboxed_scene_is_that_of_the_scene():
    g = torch.Generator().manual_seed(3)
    scene = torch.rand(104, 252, generator=g) * torch.linspace(0.5, 3, 252)
    frame = torch.full((140, 252), 9.0)  # networks take bars for the nearest thing
    frame[18:122] = scene
    tracker = RangeTracker()
    _, wanted = tracker.step(tracker.init(), scene, DT)
    window = Window(torch.tensor([18 / 140, 0.0]))
    _, ends = tracker.step(tracker.init(), frame, DT, window=window)
    assert torch.allclose(ends, wanted, atol=0.01 * float(wanted[1] - wanted[0]))
    _, misled = tracker.step(tracker.init(), frame, DT)
    assert misled[1] == 9.0
