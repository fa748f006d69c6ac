"""From a slot's picture to a frame's pixels, whatever size or format comes next."""

from __future__ import annotations

from fractions import Fraction

import av
from torch import Tensor

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.container import reason
from stereocast.runtime.source.live.slots import SlotPicture
from stereocast.runtime.source.picture import (
    MIN_SIDE_PX,
    PictureConverter,
    notes_on_colour,
    plan_geometry,
)


class LivePixels:
    """Converts pictures; plans anew when their size, shape or orientation changes.

    notes  what was decided at the first picture and must be said
    """

    def __init__(self, name: str, *, max_height: int | None) -> None:
        self.notes: tuple[str, ...] = ()
        self._name = name
        self._max_height = max_height
        self._share = 1.0
        self._shape: tuple[object, ...] | None = None
        self._converter: PictureConverter | None = None

    def plan(self, slot: SlotPicture) -> tuple[int, int]:
        """Prepare for pictures like this one; return the (height, width) of their frames."""
        geometry, notes = plan_geometry(
            slot.frame,
            aspect=Fraction(*slot.aspect),
            max_height=self._rows(slot),
            name=self._name,
            rotation=slot.rotation,
        )
        self.notes = notes + notes_on_colour(slot.frame)
        self._shape = _shape(slot)
        self._converter = PictureConverter(geometry)
        return geometry.upright

    def shrink(self, share: float) -> None:
        """Make pictures smaller, or as large as they can be again, from the next one on."""
        self._share = share
        self._shape = None

    def convert(self, slot: SlotPicture) -> Tensor:
        """Return the pixels, u8 [3, H, W]. Raises SourceError for what cannot be read."""
        if self._converter is None or self._shape != _shape(slot):
            self.plan(slot)
        assert self._converter is not None
        try:
            return self._converter.convert(slot.frame)
        except av.FFmpegError as error:
            raise SourceError(f"{self._name}: cannot read its pixels: {reason(error)}") from error

    def _rows(self, slot: SlotPicture) -> int | None:
        """Return how many rows a picture may have at most; None: as many as it has."""
        if self._share == 1.0:
            return self._max_height
        upright = slot.frame.width if round(slot.rotation / 90) % 2 else slot.frame.height
        return max(MIN_SIDE_PX, round(min(upright, self._max_height or upright) * self._share))


def _shape(slot: SlotPicture) -> tuple[object, ...]:
    return slot.frame.width, slot.frame.height, slot.rotation, slot.aspect
