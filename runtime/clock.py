"""How far a server's clock is ahead of a viewer's, from the four stamps of PING and PONG.

Pure: stamps in, nanoseconds out; reads no clock itself.
Source: Mills, RFC 5905 (NTP), §8 (on-wire offset and delay) and §10 (smallest delay is best).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW = 64
"""Exchanges that are remembered."""
MAX_ERROR_SHARE = 0.25
"""A one-way time is not worth telling if the clocks' error is a bigger share of it."""
DRIFT_PPM = 50
"""What two quartz clocks may differ in rate: an exchange's error grows by this with its age."""


@dataclass(frozen=True)
class ClockEstimate:
    """offset_ns = server's clock − viewer's clock, right to ± error_ns."""

    offset_ns: int
    error_ns: int

    def one_way_ns(self, sent_ns: int, received_ns: int) -> int | None:
        """Return how long something travelled, or None where the clocks cannot tell.

        sent_ns is in the server's clock, received_ns in the viewer's. None means that error_ns
        exceeds a quarter of the answer.
        """
        duration_ns = received_ns + self.offset_ns - sent_ns
        return duration_ns if self.error_ns <= MAX_ERROR_SHARE * duration_ns else None


SAME_CLOCK = ClockEstimate(0, 0)
"""Two processes of one machine read the same CLOCK_MONOTONIC."""


def believed(estimate: ClockEstimate | None, *, is_local: bool) -> ClockEstimate | None:
    """Return how a server's clock reads here; None while nobody knows.

    A local server is believed to share this machine's clock unless the measured offset contradicts
    it: a tunnel's near end is local, too.
    """
    if is_local and (estimate is None or abs(estimate.offset_ns) <= estimate.error_ns):
        return SAME_CLOCK
    return estimate


@dataclass(frozen=True)
class _Exchange:
    offset_ns: int
    rtt_ns: int
    taken_ns: int

    def error_ns(self, now_ns: int) -> int:
        return (self.rtt_ns + 1) // 2 + max(0, now_ns - self.taken_ns) * DRIFT_PPM // 1_000_000


class OffsetEstimator:
    """Remembers the last exchanges and trusts the one that bounds the offset best.

    That is the one with the shortest round trip; between nearly equal ones the newer, because
    clocks drift apart.
    """

    def __init__(self) -> None:
        self._exchanges: deque[_Exchange] = deque(maxlen=WINDOW)

    def add(self, t1_ns: int, t2_ns: int, t3_ns: int, t4_ns: int) -> bool:
        """Take one exchange: sent and received by the viewer (t1, t4), by the server (t2, t3).

        Returns False, and forgets it, if the stamps contradict each other.
        """
        rtt_ns = (t4_ns - t1_ns) - (t3_ns - t2_ns)
        if t4_ns < t1_ns or t3_ns < t2_ns or rtt_ns < 0:
            return False
        offset_ns = ((t2_ns - t1_ns) + (t3_ns - t4_ns)) // 2
        self._exchanges.append(_Exchange(offset_ns, rtt_ns, t4_ns))
        return True

    def estimate(self) -> ClockEstimate | None:
        """Return the offset as of the newest exchange; None before the first."""
        if not self._exchanges:
            return None
        now_ns = self._exchanges[-1].taken_ns
        best = min(self._exchanges, key=lambda exchange: exchange.error_ns(now_ns))
        return ClockEstimate(best.offset_ns, best.error_ns(now_ns))
