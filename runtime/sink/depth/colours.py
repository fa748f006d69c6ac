"""Depth as colours to look at, and the legend that says what they mean.

Near is bright. Relative depth has no unit, so its legend says near and far; metres have a scale.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stereocast.engine.errors import MissingDependency
from stereocast.engine.models import Output

_SHADES = 1024
_TICKS = 5
_GROUND, _INK = (18, 18, 20), (225, 225, 228)
_SPARSE = 4  # every so-manieth pixel decides the range
_EDGE_PERCENT = 1.0  # of the pixels at either end have no say in it


class SteadyRange:
    """The nearest and farthest depth that colours show, without the jumps of single pixels."""

    def __init__(self, *, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self._ends: tuple[float, float] | None = None

    def follow(self, values: NDArray[np.float32], *, elapsed_s: float) -> tuple[float, float]:
        """Take note of a map and return (low, high), high above low."""
        percents = [_EDGE_PERCENT, 100 - _EDGE_PERCENT]
        low, high = map(float, np.percentile(values[::_SPARSE, ::_SPARSE], percents))
        if self._ends is not None and self._time_constant_s > 0:
            share = -math.expm1(-max(elapsed_s, 0.0) / self._time_constant_s)
            before = self._ends
            low, high = (
                old + share * (new - old) for old, new in zip(before, (low, high), strict=True)
            )
        self._ends = (low, high)
        return low, max(high, low + 1e-6 * max(1.0, abs(low)))


class Palette:
    """A perceptual colour map with near bright."""

    def __init__(self, name: str, output: Output) -> None:
        """Raise MissingDependency without the package cmap."""
        try:
            from cmap import Colormap
        except ImportError:
            raise MissingDependency(
                "--depth mkv needs the package cmap: pip install 'stereocast[depth]'"
            ) from None
        shades = np.asarray(Colormap(name).lut(_SHADES))[:, :3]
        table = np.rint(255 * shades).astype(np.uint8)
        self._table = table[::-1].copy() if output is Output.METRIC_DEPTH else table
        self._output = output

    def paint(self, values: NDArray[np.float32], ends: tuple[float, float]) -> NDArray[np.uint8]:
        """Return the colours of depth [H, W] between `ends`, uint8 [H, W, 3]."""
        low, high = ends
        share = (values - np.float32(low)) * np.float32((_SHADES - 1) / (high - low))
        shade = share.clip(0, _SHADES - 1).astype(np.int32)
        painted: NDArray[np.uint8] = self._table[shade]
        return painted

    def bar(self, height: int, width: int) -> NDArray[np.uint8]:
        """Return all colours, near at the top and far at the bottom, uint8 [height, width, 3]."""
        near_to_far = self._table if self._output is Output.METRIC_DEPTH else self._table[::-1]
        rows = np.linspace(0, _SHADES - 1, height).astype(int)
        return np.repeat(near_to_far[rows, None], width, axis=1)


class Legend:
    """The strip at the right of a picture; drawn anew only when what it says changes."""

    def __init__(self, palette: Palette, *, height: int, output: Output) -> None:
        """Raise MissingDependency without the package pillow."""
        try:
            from PIL import Image, ImageDraw, ImageFont
        except ImportError:
            raise MissingDependency(
                "--depth mkv needs the package pillow: pip install 'stereocast[depth]'"
            ) from None
        self._image, self._draw = Image, ImageDraw
        self._text_px = min(max(height // 30, 8), 28)
        self._font = ImageFont.load_default(size=self._text_px)
        self._palette, self._output, self._height = palette, output, height
        self.width = 7 * self._text_px + 7 * self._text_px % 2
        self._said: tuple[str, ...] = ()
        self._strip = np.zeros((height, self.width, 3), np.uint8)

    def strip(self, ends: tuple[float, float]) -> NDArray[np.uint8]:
        """Return the strip for colours between `ends`, uint8 [height, width, 3]."""
        said = self._labels(ends)
        if said != self._said:
            self._said, self._strip = said, self._drawn(said)
        return self._strip

    def _labels(self, ends: tuple[float, float]) -> tuple[str, ...]:
        """Return what stands at even steps from near, at the top, to far."""
        if self._output is Output.RELATIVE_INVERSE:
            return ("near", *[""] * (_TICKS - 2), "far")
        digits = 2 if ends[1] < 1 else 1 if ends[1] < 20 else 0
        return tuple(f"{value:.{digits}f} m" for value in np.linspace(*ends, _TICKS))

    def _drawn(self, said: tuple[str, ...]) -> NDArray[np.uint8]:
        unit = self._text_px
        top, bottom = 2 * unit, max(2 * unit + 2, self._height - 2 * unit)
        strip = np.full((self._height, self.width, 3), _GROUND, np.uint8)
        strip[top:bottom, unit : 2 * unit] = self._palette.bar(bottom - top, unit)
        canvas = self._image.fromarray(strip)
        draw = self._draw.Draw(canvas)
        for text, row in zip(said, np.linspace(top, bottom - 1, len(said)), strict=True):
            if text:
                draw.line((2 * unit, row, 2.4 * unit, row), fill=_INK)
                draw.text((2.7 * unit, row), text, fill=_INK, font=self._font, anchor="lm")
        return np.asarray(canvas)
