"""Where the playing of a file stands: told by its pictures, asked by its sound.

The pictures' threads only leave a few numbers here. The sound's thread waits here, so that it goes
as the pictures go: at their pace, standing still in a pause, elsewhere after a seek.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from statistics import median_low

LEAD_NS = 200_000_000
"""How much earlier than its picture is captured sound is let out: it must not come late."""
JUMP_NS = 500_000_000
"""A clock that was set by more than this has begun anew."""
MOST_LAG_NS = 300_000_000
"""A picture that was taken so long after it was due had nobody to watch it: its clock is void."""
_REMEMBERED = 31  # pictures whose lag is looked at: about a second of them


@dataclass(frozen=True)
class Stretch:
    """A piece of playing without a break.

    epoch     its number, from 1
    begin_ns  the time of its first picture
    """

    epoch: int
    begin_ns: int


class PlayLine:
    """The state of one file's playing, for two threads of pictures and one of sound.

    slips  times that its clock was set because the engine is slower than the file
    """

    def __init__(self) -> None:
        self.slips = 0
        self._changed = threading.Condition()
        self._stretch: Stretch | None = None
        self._epoch = 0
        self._turn: int | None = None
        self._next_ns = 0
        self._start_ns: int | None = None
        self._lags_ns: deque[int] = deque(maxlen=_REMEMBERED)
        self._is_taken = self._is_paused = self._is_closed = False

    def awaits(self, pts_ns: int, turn: int) -> None:
        """Note that the next picture is at hand and waits to be let out.

        turn  as in `Captured`; with another one than before the playing begins anew
        """
        with self._changed:
            self._next_ns = pts_ns
            if turn != self._turn:
                self._turn = turn
                self._begin(pts_ns)
            self._changed.notify_all()

    def lets_out(self, pts_ns: int, due_ns: int) -> None:
        """Note when, by the clock of the playing, the picture that waited was due."""
        with self._changed:
            start_ns, before_ns = due_ns - pts_ns, self._start_ns
            if start_ns == before_ns:
                return
            if before_ns is not None and abs(start_ns - before_ns) > JUMP_NS:
                self._begin(pts_ns)
            elif before_ns is not None:
                self.slips += 1
            self._start_ns = start_ns
            self._lags_ns.clear()
            self._changed.notify_all()

    def takes(self, pts_ns: int, due_ns: int, t_capture_ns: int) -> None:
        """Note when a picture that was let out was captured, which may be later than due."""
        with self._changed:
            if due_ns - pts_ns == self._start_ns:
                self._lags_ns.append(t_capture_ns - due_ns)
            self._is_taken = True
            self._changed.notify_all()

    def pause(self, is_paused: bool) -> None:
        """Note that the pictures stand still, or go on; then the sound begins with the next one."""
        with self._changed:
            if self._is_paused and not is_paused and self._stretch is not None:
                self._begin(self._next_ns)
            self._is_paused = is_paused
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any more. May be called twice."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def wait_for_stretch(self, after: int) -> Stretch | None:
        """Wait for playing that began after epoch `after`, and return it; None: it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._epoch > after)
            return None if self._is_closed else self._stretch

    def wait_until_due(self, pts_ns: int, epoch: int) -> int | None:
        """Wait until sound may be let out; return when a picture of its time is captured.

        None: that epoch is over. Sound never goes far beyond the picture that waits, which may wait
        for viewers.
        """
        with self._changed:
            while not self._is_closed and epoch == self._epoch:
                capture_ns = self._capture_ns(pts_ns)
                is_held = self._is_paused or pts_ns > self._next_ns + LEAD_NS
                if capture_ns is None or is_held:
                    self._changed.wait()
                    continue
                left_ns = capture_ns - LEAD_NS - time.monotonic_ns()
                if left_ns <= 0:
                    return capture_ns
                self._changed.wait(left_ns / 1e9)
            return None

    def _capture_ns(self, pts_ns: int) -> int | None:
        lag_ns = median_low(self._lags_ns) if self._lags_ns else 0
        if self._start_ns is None or not self._is_taken or lag_ns > MOST_LAG_NS:
            return None
        return self._start_ns + pts_ns + lag_ns

    def _begin(self, pts_ns: int) -> None:
        self._epoch += 1
        self._stretch = Stretch(self._epoch, pts_ns)
        self._start_ns, self._is_taken = None, False
        self._lags_ns.clear()
