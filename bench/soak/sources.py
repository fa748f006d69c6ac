"""What is streamed in a soak: pictures drawn beforehand, without end, some turned on their side."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import count

from torch import Tensor

from stereocast.engine.frame import Frame
from stereocast.runtime.source import SourceInfo
from stereocast.runtime.source.synthetic import SyntheticSource

SIZE = (90, 160)
GRID = (70, 126)
"""Of depth: what is left over is left over in small as well, and many more frames can be sent."""
FAST_FPS = 1000.0
"""Faster than any engine: it is the viewer's credit that sets the pace."""
_PICTURES = 16
NANO = 1_000_000_000


def pictures() -> list[Tensor]:
    """Draw a few pictures of the built-in scene, u8 [3, H, W] each."""
    scene = SyntheticSource(f"testsrc:?size={SIZE[1]}x{SIZE[0]}")
    return [scene.frame(6 * index).rgb for index in range(_PICTURES)]


class Looped:
    """The same pictures over and over, without end, every one of them taken.

    turn_every  after so many they are turned on their side, and after so many back again
    """

    def __init__(self, pictures: list[Tensor], *, turn_every: int = 0) -> None:
        height, width = pictures[0].shape[1:]
        self.info = SourceInfo("bench:", width, height, FAST_FPS, False, Fraction(1, NANO))
        self._pictures = pictures
        # As many pixels as before: only what is built for a size changes, not the work.
        self._turned = [each.transpose(1, 2).contiguous() for each in pictures]
        self._turn_every = turn_every

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames from index 0 on."""
        for index in count():
            is_turned = self._turn_every and index // self._turn_every % 2
            shown = self._turned if is_turned else self._pictures
            yield Frame(shown[index % len(shown)], round(index * NANO / FAST_FPS), index)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
