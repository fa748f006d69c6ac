"""From a slot's picture to a frame's pixels, whatever size or format comes next."""

from __future__ import annotations

from fractions import Fraction

import av
from torch import Tensor

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.container import reason
from stereocast.runtime.source.live.slots import SlotPicture
from stereocast.runtime.source.picture import PictureConverter, notes_on_colour, plan_geometry


class LivePixels:
    """Converts pictures; plans anew when their size, shape or orientation changes.

    notes  what was decided at the first picture and must be said
    """

    def __init__(self, name: str, *, max_height: int | None) -> None:
        self.notes: tuple[str, ...] = ()
        self._name = name
        self._max_height = max_height
        self._shape: tuple[object, ...] | None = None
        self._converter: PictureConverter | None = None

    def plan(self, slot: SlotPicture) -> tuple[int, int]:
        """Prepare for pictures like this one; return the (height, width) of their frames."""
        geometry, notes = plan_geometry(
            slot.frame,
            aspect=Fraction(*slot.aspect),
            max_height=self._max_height,
            name=self._name,
            rotation=slot.rotation,
        )
        self.notes = notes + notes_on_colour(slot.frame)
        self._shape = _shape(slot)
        self._converter = PictureConverter(geometry)
        return geometry.upright

    def convert(self, slot: SlotPicture) -> Tensor:
        """Return the pixels, u8 [3, H, W]. Raises SourceError for what cannot be read."""
        if self._converter is None or self._shape != _shape(slot):
            self.plan(slot)
        assert self._converter is not None
        try:
            return self._converter.convert(slot.frame)
        except av.FFmpegError as error:
            raise SourceError(f"{self._name}: cannot read its pixels: {reason(error)}") from error


def _shape(slot: SlotPicture) -> tuple[object, ...]:
    return slot.frame.width, slot.frame.height, slot.rotation, slot.aspect
