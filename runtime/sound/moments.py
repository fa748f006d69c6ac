"""When a picture of a given source time is captured: what ties sound to pictures. Pure."""

from __future__ import annotations

from collections import deque
from statistics import median_low

REMEMBERED = 31
"""Pictures whose moments are looked at: one second of them outvotes those that came late."""
SLIP_NS = 80_000_000
"""A picture that is farther off shows that the clock was set, not that it was late itself."""
JUMP_NS = 500_000_000
"""A clock that was set by more than this has begun anew."""


class PictureMoments:
    """Knows the moments at which pictures were captured, and says the same for any source time.

    Both clocks run equally fast, apart from steps: a file's clock waits for a slow engine, a live
    stream's may be set. Between them the median of what was seen lately holds.
    """

    def __init__(self) -> None:
        self._offsets_ns: deque[int] = deque(maxlen=REMEMBERED)
        self._offset_ns: int | None = None

    def add(self, pts_ns: int, t_capture_ns: int) -> bool:
        """Take a picture's two times; return whether the clock has begun anew with it."""
        offset_ns = t_capture_ns - pts_ns
        step_ns = 0 if self._offset_ns is None else abs(offset_ns - self._offset_ns)
        if step_ns > SLIP_NS:
            self._offsets_ns.clear()
        self._offsets_ns.append(offset_ns)
        self._offset_ns = median_low(self._offsets_ns)
        return step_ns > JUMP_NS

    def capture_ns(self, pts_ns: int) -> int | None:
        """Return when a picture of that time is captured; None while no picture was."""
        return None if self._offset_ns is None else pts_ns + self._offset_ns

    def forget(self) -> None:
        """Wait for the next picture to know anything."""
        self._offsets_ns.clear()
        self._offset_ns = None
