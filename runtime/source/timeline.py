"""Presentation times as a source may hand them out: nanoseconds that only grow.

Pure arithmetic on what a decoder reports; opens nothing and reads no clock.
"""

from __future__ import annotations

from fractions import Fraction

SECOND_NS = 1_000_000_000
# Two times that a container rounded to whole milliseconds differ by up to one too few.
_ROUNDING_NS = 1_500_000


def to_ns(ticks: int, time_base: Fraction) -> int:
    """Convert ticks of `time_base` seconds to nanoseconds, rounded to the nearest."""
    unit = time_base * SECOND_NS
    return (2 * ticks * unit.numerator + unit.denominator) // (2 * unit.denominator)


class Timeline:
    """Turn the timestamps of decoded pictures into strictly increasing ones, and count oddities.

    A missing time continues at the nominal rate. A time that does not grow moves to one tick after
    the one before; a step back by a second or more is a new clock, and all later times follow on.

    repaired  times that were missing or had to be moved
    gaps      steps of more than one and a half pictures; only a constant rate can have gaps
    """

    repaired: int
    gaps: int

    def __init__(self, time_base: Fraction, *, picture_ns: int, constant_rate: bool) -> None:
        self.repaired = 0
        self.gaps = 0
        self._time_base = time_base
        self._tick_ns = max(1, to_ns(1, time_base))
        self._picture_ns = picture_ns
        self._constant_rate = constant_rate
        self._offset_ns = 0
        self._last_ns: int | None = None

    def place(self, ticks: int | None) -> int:
        """Return the time of the next picture in nanoseconds."""
        last_ns = self._last_ns
        if ticks is None:
            self.repaired += 1
            pts_ns = 0 if last_ns is None else last_ns + self._picture_ns
        else:
            pts_ns = to_ns(ticks, self._time_base) + self._offset_ns
            if last_ns is not None and pts_ns <= last_ns:
                self.repaired += 1
                back_ns = last_ns - pts_ns
                step_ns = self._tick_ns if back_ns < SECOND_NS else self._picture_ns
                if back_ns >= SECOND_NS:
                    self._offset_ns += back_ns + step_ns
                pts_ns = last_ns + step_ns
            elif last_ns is not None and 2 * (pts_ns - last_ns) > 3 * self._picture_ns:
                self.gaps += self._constant_rate
        self._last_ns = pts_ns
        return pts_ns


class RateLimit:
    """Choose pictures so that no more than `max_fps` a second remain, by their times alone."""

    def __init__(self, max_fps: float) -> None:
        self._max_fps = max_fps
        self._first_ns: int | None = None
        self._last_slot = -1

    def keeps(self, pts_ns: int) -> bool:
        """Say whether this picture stays: the first one of each 1/max_fps of a second does."""
        if self._first_ns is None:
            self._first_ns = pts_ns
        slot = int((pts_ns - self._first_ns + _ROUNDING_NS) * self._max_fps / SECOND_NS)
        if slot <= self._last_slot:
            return False
        self._last_slot = slot
        return True
