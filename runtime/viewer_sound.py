"""The sound that waits for one viewer: never more than two seconds of it, the newest.

Pure: time is passed in. Sound is not under credit, as pictures are; what bounds it is this queue,
and how much a viewer that says nothing is sent.
"""

from __future__ import annotations

from collections import deque

LONGEST_NS = 2_000_000_000
MOST_PACKETS = 800
"""Two seconds of the shortest packets that Opus has."""
MOST_UNHEARD = 100
"""Packets sent since the viewer was heard: it pings twice a second, and they last two seconds."""


class SoundQueue:
    """Packed sound for one viewer, oldest first.

    dropped  packets that were too many: always the oldest
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: deque[tuple[list[bytes], int]] = deque()
        self._waiting_ns = 0
        self._unheard = 0
        self._heard_ns = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, parts: list[bytes], duration_ns: int) -> int:
        """Append a packet; return how many old ones had to go for it."""
        self._waiting.append((parts, duration_ns))
        self._waiting_ns += duration_ns
        dropped = 0
        while self._waiting_ns > LONGEST_NS or len(self._waiting) > MOST_PACKETS:
            self._waiting_ns -= self._waiting.popleft()[1]
            dropped += 1
        self.dropped += dropped
        return dropped

    def take(self, heard_ns: int) -> tuple[list[bytes], int] | None:
        """Return what to send now, and how long it is heard, and count it as under way.

        None: there is nothing, or the viewer has to say something first.
        heard_ns  when it last said something
        """
        if heard_ns != self._heard_ns:
            self._heard_ns, self._unheard = heard_ns, 0
        if not self._waiting or self._unheard >= MOST_UNHEARD:
            return None
        self._unheard += 1
        oldest = self._waiting.popleft()
        self._waiting_ns -= oldest[1]
        return oldest

    def put_back(self, oldest: tuple[list[bytes], int]) -> None:
        """Note that what `take` returned did not leave; it is the next one again."""
        self._unheard -= 1
        self._waiting.appendleft(oldest)
        self._waiting_ns += oldest[1]
