"""A live source for tests: pictures when they are due, as a camera would make them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import torch

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame
from stereocast.runtime.source import SourceInfo
from tests.clips import picture

NANO = 1_000_000_000


class Camera:
    """Makes `count` pictures of 48 × 64 at `fps`, then ends, or breaks if `breaks` is set."""

    def __init__(self, *, count: int, fps: float = 100.0, breaks: bool = False) -> None:
        self.info = SourceInfo("camera:", 64, 48, fps, live=True, time_base=Fraction(1, NANO))
        self.is_closed = False
        self._count = count
        self._breaks = breaks

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._count):
            rgb = torch.from_numpy(picture(index, 48, 64)).permute(2, 0, 1).contiguous()
            yield Frame(rgb, round(index * NANO / self.info.fps), index)
        if self._breaks:
            raise SourceError("camera: unplugged")

    def close(self) -> None:
        self.is_closed = True
