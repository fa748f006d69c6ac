"""Words over a picture that stands still: how long its source has been away, in both eyes.

The same words at the same place of each eye have no disparity: they lie on the screen, which every
viewer can look at without strain. Drawn into the finished picture; nothing that runs sees them.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Box, Layout

_LETTERS = {
    "0": "0e 11 13 15 19 11 0e", "1": "04 0c 04 04 04 04 0e", "2": "0e 11 01 06 08 10 1f",
    "3": "0e 11 01 06 01 11 0e", "4": "02 06 0a 12 1f 02 02", "5": "1f 10 1e 01 01 11 0e",
    "6": "06 08 10 1e 11 11 0e", "7": "1f 01 02 04 08 08 08", "8": "0e 11 11 0e 11 11 0e",
    "9": "0e 11 11 0f 01 02 0c", "A": "0e 11 11 1f 11 11 11", "C": "0e 11 10 10 10 11 0e",
    "E": "1f 10 10 1e 10 10 1f", "H": "11 11 11 1f 11 11 11",
    "I": "0e 04 04 04 04 04 0e", "M": "11 1b 15 15 11 11 11", "N": "11 19 15 13 11 11 11",
    "O": "0e 11 11 11 11 11 0e", "R": "1e 11 11 1e 14 12 11", "S": "0f 10 10 0e 01 01 1e",
    "U": "11 11 11 11 11 11 0e", "W": "11 11 11 15 15 1b 11", "Y": "11 11 0a 04 04 04 04",
    " ": "00 00 00 00 00 00 00",
}  # fmt: skip
"""Rows of five dots from the top, hexadecimal."""
_ROWS, _COLUMNS = 7, 6
_MARGIN = 2
"""Dots of shade around the words."""
_DOTS_IN_HEIGHT = 120
_DOTS_IN_SPHERE = 240
"""Half a sphere has more rows around its picture than in it."""
_WHITE, _SHADE, _GREY = 235, 16, 128
"""BT.709 limited range: luma of white and black, chroma of both."""


def away_words(seconds: int) -> str:
    """Say how long a source has been away: in seconds, from two minutes on in minutes, hours."""
    if seconds < 120:
        return f"SOURCE AWAY {seconds} S"
    minutes = seconds // 60
    return f"SOURCE AWAY {minutes} MIN" if minutes < 120 else f"SOURCE AWAY {minutes // 60} H"


def with_badge(stereo: StereoFrame, words: str) -> StereoFrame:
    """Return the picture with `words` in each eye, on a dark ground; `stereo` stays as it is.

    words  capital letters, digits and blanks that `_LETTERS` has
    Where the layout keeps no eyes, once in the middle. Where they have no room even with the
    smallest letters, the picture comes back without them.
    """
    surface = stereo.surface.clone()
    is_round = stereo.layout is Layout.VR180
    dots = _DOTS_IN_SPHERE if is_round else _DOTS_IN_HEIGHT
    for box, across, down in _places(stereo):
        _draw(surface, _fit(words, box, (across, down), dots), box, is_round=is_round)
    return replace(stereo, surface=surface)


def _places(stereo: StereoFrame) -> list[tuple[Box, float, float]]:
    """Return the box of each eye, and how many of its columns and rows a true pixel has."""
    layout, height, width = stereo.layout, stereo.height, stereo.width
    if not layout.keeps_both_eyes:
        return [(Box(0, 0, height, width), 1.0, 1.0)]
    across = 0.5 if layout is Layout.HALF_SBS else 1.0
    down = 0.5 if layout is Layout.HALF_TB else 1.0
    return [(box, across, down) for box in layout.eye_boxes(height, width)]


def _fit(words: str, box: Box, shares: tuple[float, float], in_height: int) -> Tensor:
    """Return luma [h, w] uint8 of the words on their ground; sizes are even."""
    dots = torch.zeros(_ROWS + 2 * _MARGIN, _COLUMNS * len(words) - 1 + 2 * _MARGIN)
    for place, letter in enumerate(words):
        for row, bits in enumerate(_LETTERS[letter].split()):
            for column in range(5):
                lit = int(bits, 16) >> (4 - column) & 1
                dots[_MARGIN + row, _MARGIN + _COLUMNS * place + column] = lit
    across, down = shares
    true_height, true_width = box.height / down, box.width / across
    dot = min(true_height / in_height, true_width * 0.8 / dots.shape[1])
    rows = max(1, round(dot * down))
    columns = max(1, round(dot * across))
    drawn = dots.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    drawn = torch.nn.functional.pad(drawn, (0, drawn.shape[1] % 2, 0, drawn.shape[0] % 2))
    return (_SHADE + (_WHITE - _SHADE) * drawn).to(torch.uint8)


def _draw(surface: Tensor, drawn: Tensor, box: Box, *, is_round: bool) -> None:
    """Write luma into an I420 surface near the top of a box, and grey into its chroma."""
    height, width = drawn.shape
    if height > box.height or width > box.width:
        return
    # Above is the zenith in half a sphere: there the words go just over the middle.
    top = box.top + (box.height * 2 // 5 if is_round else box.height // 16) // 2 * 2
    left = box.left + (box.width - width) // 4 * 2
    rows = surface.shape[0] * 2 // 3
    surface[top : top + height, left : left + width] = drawn.to(surface.device)
    chroma = surface[rows:].reshape(2, rows // 2, surface.shape[1] // 2)
    chroma[:, top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = _GREY
