"""When a viewer plays sound so that it is in step with its pictures. Pure: time is passed in.

Pictures are seen a while after they are captured: they are converted, coded, sent, decoded. Sound
is through much sooner. So it is held back by what the pictures need (the median of their ages), or
by what it needs itself where that is more. That delay changes; sound follows it by being played up
to one per cent faster or slower, which nobody hears, and only jumps where it is half a second off.

`stereocast bench sound` measures with this. The page keeps the same delay, bends the pitch as
little and jumps at the same half second; its player (web/static/sound-delay.js, sound-ring.js) also
jumps where it stays a tenth of a second off for two seconds, and allows for its audio device.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median_low

SPAN_NS = 4_000_000_000
"""How far back ages are looked at."""
MAX_STRETCH = 0.01
"""Share by which a block is played longer or shorter than it is."""
SETTLE_NS = 1_000_000_000
"""An error is made good within about so long, as far as MAX_STRETCH allows."""
RESYNC_NS = 500_000_000
"""What is farther off than this is put right at once."""
YOUNG_NS = 3_000_000_000
"""So long after a beginning the delay is not well known: pictures come at their pace only later."""
YOUNG_RESYNC_NS = 40_000_000
"""What is put right at once in that time, rather than drawled away over half a minute."""
MARGIN_NS = 10_000_000
"""How much before its time sound has to be there."""
ENOUGH = 0.95
"""Share of the sound that has to be there in time."""
_JITTER_NS = 2_000_000  # by which the times of blocks that belong together may differ


@dataclass(frozen=True)
class Block:
    """A piece of sound that came; times in nanoseconds.

    epoch      of its time line
    pts_ns     the source's time of its beginning
    capture_ns when a picture of that time was captured, on the viewer's clock
    duration_ns  how long it is
    """

    epoch: int
    pts_ns: int
    capture_ns: int
    duration_ns: int


@dataclass(frozen=True)
class Placed:
    """Where a block goes.

    at_ns, end_ns  when it begins and ends, on the viewer's clock
    follows        it begins where the one before ended; otherwise it has to be faded in
    """

    at_ns: int
    end_ns: int
    follows: bool


class DelayedPlayout:
    """Places blocks of sound, one after the other.

    late     blocks that came too late to be heard
    resyncs  times that sound had to jump, the beginnings of epochs not counted
    """

    def __init__(self) -> None:
        self.late = self.resyncs = 0
        self._ages: deque[tuple[int, int]] = deque()
        self._needs: deque[tuple[int, int]] = deque()
        self._epoch: int | None = None
        self._end_ns: int | None = None
        self._next_pts_ns = 0
        self._began_ns = 0

    @property
    def delay_ns(self) -> int | None:
        """How long after its capture sound is to be heard; None until a picture was seen."""
        if not self._ages:
            return None
        delay_ns = median_low(age for _, age in self._ages)
        needs = sorted(need for _, need in self._needs)
        if needs:
            delay_ns = max(delay_ns, needs[int(ENOUGH * (len(needs) - 1))] + MARGIN_NS)
        return delay_ns

    def picture(self, age_ns: int, now_ns: int) -> None:
        """Note how old a picture was when it was seen."""
        _remember(self._ages, age_ns, now_ns)

    def place(self, block: Block, now_ns: int) -> Placed | None:
        """Return when to play a block that is here now; None: not at all, it is too late."""
        _remember(self._needs, now_ns - block.capture_ns, now_ns)
        delay_ns = self.delay_ns
        if delay_ns is None:
            return None
        ideal_ns = block.capture_ns + delay_ns
        begins = block.epoch != self._epoch
        if begins:
            self._began_ns = now_ns
        most_ns = YOUNG_RESYNC_NS if now_ns - self._began_ns < YOUNG_NS else RESYNC_NS
        at_ns = None if begins else self._next_ns(block)
        self._epoch, self._next_pts_ns = block.epoch, block.pts_ns + block.duration_ns
        follows = at_ns is not None and at_ns == self._end_ns
        if at_ns is None or at_ns < now_ns or abs(ideal_ns - at_ns) > most_ns:
            # An underrun, a jump or a beginning: nothing is under way that could be torn.
            if ideal_ns + block.duration_ns <= now_ns:
                self.late += 1
                self._end_ns = None
                return None
            self.resyncs += at_ns is not None
            at_ns, follows = max(ideal_ns, now_ns), False
        stretch = max(-MAX_STRETCH, min(MAX_STRETCH, (ideal_ns - at_ns) / SETTLE_NS))
        self._end_ns = at_ns + round(block.duration_ns * (1 + stretch))
        return Placed(at_ns, self._end_ns, follows)

    def _next_ns(self, block: Block) -> int | None:
        """Return where a block belongs by what was placed before; None: that does not tell."""
        if self._end_ns is None:
            return None
        missing_ns = block.pts_ns - self._next_pts_ns
        if abs(missing_ns) <= _JITTER_NS:
            return self._end_ns
        return self._end_ns + missing_ns if missing_ns > 0 else None


def _remember(kept: deque[tuple[int, int]], value_ns: int, now_ns: int) -> None:
    kept.append((now_ns, value_ns))
    while kept[0][0] < now_ns - SPAN_NS:
        kept.popleft()
