"""One viewer as its server sees it: how much credit it has, and how fast it gives it back.

Pure: time is passed in. All viewers together are runtime/viewers.py.
"""

from __future__ import annotations

from collections import deque

from stereocast.runtime.viewer_sound import SoundQueue

SECOND_NS = 1_000_000_000
MAX_RETURNS = 1024
"""Returned credits that are remembered; a second holds fewer, as messages are rationed."""


class Viewer:
    """The ledger of one viewer.

    credit       frames that may still be sent to it
    in_sync      it has every frame that the next one depends on
    is_new       it never got a key frame
    wants_depth  its frames bring their depth
    sound        what it is to hear; None: it did not ask for sound
    """

    def __init__(self, name: str, credit: int, now_ns: int, *, wants_sound: bool = False) -> None:
        self.name = name
        self.credit = credit
        self.in_sync = False
        self.is_new = True
        self.wants_depth = False
        self.sound = SoundQueue() if wants_sound else None
        self.joined_ns = now_ns
        self.heard_ns = now_ns
        self.key_sent_ns = 0
        self.key_seq = 0
        self._under_way: deque[int] = deque()
        self._returns: deque[tuple[int, int]] = deque(maxlen=MAX_RETURNS)
        self._returned_ns = 0

    @property
    def under_way(self) -> int:
        """Frames that were sent and whose credit has not come back."""
        return len(self._under_way)

    def grant(self, n: int, now_ns: int, cap: int) -> None:
        """Take n credits; only those for frames that were really sent count as returned."""
        for _ in range(min(n, len(self._under_way))):
            # It works on one frame at a time: this one began when the one before was done.
            began_ns = max(self._under_way.popleft(), self._returned_ns)
            self._returns.append((now_ns, now_ns - began_ns))
            self._returned_ns = now_ns
        self.credit = min(cap, self.credit + n)

    def spend(self, now_ns: int) -> None:
        """Note that a frame is on its way."""
        self.credit -= 1
        self._under_way.append(now_ns)

    def refund(self) -> None:
        """Note that the newest frame did not leave after all; the chain of pictures is broken."""
        if self._under_way:
            self._under_way.pop()
            self.credit += 1
        self.in_sync = False

    def returned(self, now_ns: int) -> int:
        """Return how many credits came back in the last second."""
        self._forget(now_ns)
        return len(self._returns)

    def service_ns(self, now_ns: int) -> int:
        """Return the time it takes for one frame, from the last second; 0 while unknown.

        A frame that is under way for longer than that counts with the time it has taken so far.
        """
        return max(self._mean_ns(now_ns), self.waited_ns(now_ns))

    def waited_ns(self, now_ns: int) -> int:
        """Return for how long the frame it works on now has been with it; 0 if there is none."""
        if not self._under_way:
            return 0
        return now_ns - max(self._under_way[0], self._returned_ns)

    def has_stalled(self, now_ns: int, patience_ns: int) -> bool:
        """Return whether its frame takes far longer than its frames have taken lately."""
        return self.waited_ns(now_ns) > max(patience_ns, 4 * self._mean_ns(now_ns))

    def _mean_ns(self, now_ns: int) -> int:
        self._forget(now_ns)
        if not self._returns:
            return 0
        return sum(service for _, service in self._returns) // len(self._returns)

    def _forget(self, now_ns: int) -> None:
        while self._returns and self._returns[0][0] <= now_ns - SECOND_NS:
            self._returns.popleft()
