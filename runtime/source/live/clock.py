"""The numbers of a live source's pictures: index, time, and how often it began anew. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a picture stands: its index, its time since the first one, and its turn."""

    index: int
    pts_ns: int
    turn: int


class RunClock:
    """Places pictures by the moment they were taken, which outlives every reader of the source."""

    def __init__(self, *, gap_ns: int) -> None:
        """Take gaps longer than `gap_ns` for a new beginning."""
        self._gap_ns = gap_ns
        self._first_ns: int | None = None
        self._index = self._number = -1
        self._last_pts_ns = -1
        self._turn = 0

    def place(self, t_capture_ns: int, number: int) -> Place:
        """Return the place of the next picture; its time is later than the one before.

        number  its reader's count, which leaves out what nobody took, and begins anew with each
        """
        if self._first_ns is None:
            self._first_ns = t_capture_ns
        pts_ns = t_capture_ns - self._first_ns
        if self._index >= 0 and pts_ns - self._last_pts_ns > self._gap_ns:
            self._turn += 1
        begins = self._number < 0 or number <= self._number
        self._index += 1 if begins else number - self._number
        self._number = number
        self._last_pts_ns = max(self._last_pts_ns + 1, pts_ns)
        return Place(self._index, self._last_pts_ns, self._turn)

    def pts_at(self, t_capture_ns: int) -> int | None:
        """Return the time that a picture taken at that moment has; None before the first one."""
        return None if self._first_ns is None else t_capture_ns - self._first_ns
