"""Black bars: where they are, and the window of the frame that is picture.

Bars lie flat on the screen and say nothing about depth: their depth is an accident of the network.
Only what is really a bar is taken for one: pure black over the whole width or height, equally wide
on both sides, ending in a straight edge. A dark scene has no such edge. Once found, bars stay until
something bright lies in them, so that neither night scenes nor subtitles move them.
Bars on one side only are not looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.stereo.sampling import middles

BLACK = 24
"""Brightest channel of a black pixel, 0 to 255: black and what coding adds to it."""

_LINES, _PROBES = 240, 32  # lines looked at each way, and pixels in each
_PURE, _MOSTLY = 0.98, 0.5  # share of black pixels: to be found as a bar, to stay one
_EDGE = 0.5  # share of bright pixels in the first line of the picture
_NARROWEST, _WIDEST = 0.02, 0.4  # of the frame's height or width, each bar
_TOLERANCE = 0.012  # of it: two measurements that agree
_CONFIRM_S = 0.4  # how long a change must last


@dataclass(frozen=True)
class Window:
    """The part of a frame between the bars.

    bars  float32 [2], height of each of the two horizontal bars and width of each of the vertical
          ones, as shares of the frame's height and width
    """

    bars: Tensor

    @staticmethod
    def whole() -> Window:
        """Return the window of a frame without bars."""
        return Window(torch.zeros(2))

    def positions(self, axis: int, shares: Tensor) -> Tensor:
        """Return `shares` of the window's height (axis 0) or width (1) as shares of the frame's."""
        bar = self.bars[axis]
        return bar + shares * (1 - 2 * bar)

    def inside(self, axis: int, size: int) -> Tensor:
        """Return for each of `size` lines whether its middle is in the window, bool [size]."""
        bar = self.bars[axis]
        middle = middles(size)
        return (middle >= bar) & (middle <= 1 - bar)


@dataclass(frozen=True)
class BarsState:
    """in_force, candidate float32 [2], see Window.bars; age_s [2], how long it has been candidate;
    seen bool [1]: there was a frame.
    """

    in_force: Tensor
    candidate: Tensor
    age_s: Tensor
    seen: Tensor


class BarsFinder:
    """Find black bars; the first frame after a reset counts at once, a change when it lasts."""

    def __init__(self, frame_size: tuple[int, int]) -> None:
        self._line = [max(1, size // _LINES) for size in frame_size]
        self._probe = [max(1, size // _PROBES) for size in frame_size]

    def init(self) -> BarsState:
        """Return the state before the first frame."""
        return BarsState(torch.zeros(2), torch.zeros(2), torch.zeros(2), torch.zeros(1).bool())

    def step(self, state: BarsState, rgb: Tensor, dt: Tensor) -> tuple[BarsState, Window]:
        """Return the window of picture in rgb u8 [3, H, W]; dt float32 [1], seconds."""
        black = (
            _black_share(rgb[:, :: self._line[0], :: self._probe[1]], 1),
            _black_share(rgb[:, :: self._probe[0], :: self._line[1]], 0),
        )
        candidate = torch.stack(
            [_measure(share, state.in_force[axis]) for axis, share in enumerate(black)]
        )
        same = (candidate - state.candidate).abs() < _TOLERANCE
        age_s = torch.where(same, state.age_s + dt, 0.0)
        other = (candidate - state.in_force).abs() > _TOLERANCE / 2
        adopt = ((age_s >= _CONFIRM_S) & other) | ~state.seen
        in_force = torch.where(adopt, candidate, state.in_force)
        new = BarsState(in_force, candidate, age_s, torch.ones_like(state.seen))
        return new, Window(in_force)


def _black_share(rgb: Tensor, axis: int) -> Tensor:
    """Return the share of black pixels in each line of rgb u8 [3, h, w], lines along `axis`."""
    brightest = torch.maximum(torch.maximum(rgb[0], rgb[1]), rgb[2])
    return (brightest <= BLACK).float().mean(axis)


def _measure(black: Tensor, in_force: Tensor) -> Tensor:
    """Return the bars' width [] as a share, 0 for none, from the lines' shares of black [lines]."""
    lines = len(black)
    run = _run(black >= _PURE)
    # One line further than the first that is not black, which coding may have blurred.
    first = (run + 1).clamp_max(lines - 1)
    edge = 1 - black.index_select(0, torch.stack((first, lines - 1 - first))).amin()
    width = run / lines
    found = (width >= _NARROWEST) & (width <= _WIDEST) & (edge >= _EDGE)
    width = torch.where(found, width, 0.0)
    still = _run(black >= _MOSTLY) / lines > in_force - _TOLERANCE
    return torch.where(still, torch.maximum(width, in_force), width)


def _run(lines: Tensor) -> Tensor:
    """Return how many lines from either border are set, [] int64: the smaller of the two."""
    both = torch.stack((lines, lines.flip(0))).to(torch.int64)
    return both.cumprod(dim=1).sum(dim=1).amin()
