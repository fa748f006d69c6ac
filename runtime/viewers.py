"""The server's book of viewers: whether to make a frame, whether as a key frame, and who gets it.

Pure: time is passed in; no sockets, no threads, no clock. What viewers say is read in
runtime/host.py.

One encoder serves all, so one viewer sets the pace: the *primary*. It is the one that returned most
credits in the last second. But all viewers return equally many while a slow primary throttles
them, whatever they could do; so counts within a second's border error are a tie, and the one that
needs least time per frame wins it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from stereocast.runtime.viewer import SECOND_NS, Viewer
from stereocast.runtime.wire import End, Hello

COUNT_TOLERANCE = 2
"""Credits by which a second's count can be off: frames under way at its two borders."""
PATIENCE_NS = 250_000_000
"""A primary that is silent for this long, while others could watch on, loses its place at once."""


@dataclass(frozen=True)
class ViewerLimits:
    """What a server grants its viewers, all of them and each."""

    max_viewers: int = 8
    max_credit: int = 8
    messages_per_s: float = 200.0
    min_key_spacing_ns: int = 500_000_000
    """Requests for key frames that come closer wait and are answered together."""
    hello_within_ns: int = 3 * SECOND_NS
    silence_ns: int = 5 * SECOND_NS
    """A viewer that says nothing for this long is forgotten; it pings twice a second."""


class Viewers:
    """All viewers of one stream, by the peer's name on the socket.

    drops  frames that some viewer did not get, by cause: `credit` it had none, `desync` it waits
           for a key frame, `send` the socket did not take it; `sound` packets of sound that waited
           for a viewer that does not read
    """

    def __init__(self, limits: ViewerLimits) -> None:
        self.limits = limits
        self.primary: bytes | None = None
        self.drops: Counter[str] = Counter()
        self._viewers: dict[bytes, Viewer] = {}
        self._last_key_ns: int | None = None
        self._next_election_ns = 0

    def __len__(self) -> int:
        return len(self._viewers)

    def __contains__(self, peer: bytes) -> bool:
        return peer in self._viewers

    def __getitem__(self, peer: bytes) -> Viewer:
        return self._viewers[peer]

    def peers(self) -> tuple[bytes, ...]:
        """Return all peers, in the order in which they joined."""
        return tuple(self._viewers)

    def join(self, peer: bytes, hello: Hello, now_ns: int) -> End | None:
        """Let a viewer in; return the refusal to send if there is no room."""
        if len(self._viewers) >= self.limits.max_viewers:
            return End(
                code="full",
                text=f"all {self.limits.max_viewers} places are taken; close another viewer first",
            )
        credit = min(hello.credit, self.limits.max_credit)
        self._viewers[peer] = Viewer(hello.name, credit, now_ns, wants_sound=hello.want_audio)
        if self.primary is None:
            self._elect(now_ns)
        return None

    def leave(self, peer: bytes, now_ns: int) -> None:
        """Forget a viewer; if it was the primary, another one is elected at once."""
        self._viewers.pop(peer, None)
        if peer == self.primary:
            self._elect(now_ns)

    def grant(self, peer: bytes, n: int, now_ns: int) -> None:
        """Give a viewer n more credits, up to the cap."""
        self._viewers[peer].grant(n, now_ns, self.limits.max_credit)
        if self.primary is None:
            self._elect(now_ns)

    def request_key(self, peer: bytes, last_good_seq: int | None, now_ns: int) -> None:
        """Note that a viewer lost the chain, unless the key frame it needs is still under way."""
        viewer = self._viewers[peer]
        is_recent = now_ns - viewer.key_sent_ns < self.limits.min_key_spacing_ns
        is_older = last_good_seq is None or last_good_seq < viewer.key_seq
        if not (viewer.in_sync and is_recent and is_older):
            viewer.in_sync = False

    def may_encode(self) -> bool:
        """Return whether to take a frame now: the primary has credit for it."""
        return self.primary is not None and self._viewers[self.primary].credit > 0

    def wants_key(self, now_ns: int) -> bool:
        """Return whether the next frame should be a key frame.

        For a viewer that just joined at once; for those that lost the chain no sooner than
        min_key_spacing_ns after the last one. Who has no credit could not be sent it, and waits.
        """
        waiting = [v for v in self._viewers.values() if v.credit > 0 and not v.in_sync]
        if any(viewer.is_new for viewer in waiting) or self._last_key_ns is None:
            return bool(waiting)
        return bool(waiting) and now_ns - self._last_key_ns >= self.limits.min_key_spacing_ns

    def recipients(self, *, is_key: bool, seq: int, now_ns: int) -> tuple[bytes, ...]:
        """Return who gets this frame, and charge them for it; count who does not, and why."""
        chosen = []
        for peer, viewer in self._viewers.items():
            if viewer.credit == 0:
                viewer.in_sync = False
                self.drops["credit"] += 1
            elif not is_key and not viewer.in_sync:
                self.drops["desync"] += 1
            else:
                viewer.spend(now_ns)
                chosen.append(peer)
                if is_key:
                    viewer.in_sync, viewer.is_new = True, False
                    viewer.key_sent_ns, viewer.key_seq = now_ns, seq
        if is_key:
            self._last_key_ns = now_ns
        return tuple(chosen)

    def want_depth(self) -> frozenset[bytes]:
        """Return the peers whose frames bring their depth."""
        return frozenset(peer for peer, viewer in self._viewers.items() if viewer.wants_depth)

    def want_sound(self) -> tuple[bytes, ...]:
        """Return the peers that asked for sound."""
        return tuple(peer for peer, viewer in self._viewers.items() if viewer.sound is not None)

    def put_sound(self, parts: list[bytes], duration_ns: int) -> int:
        """Queue a packet for all who asked for sound, and return how many they are."""
        queues = [viewer.sound for viewer in self._viewers.values() if viewer.sound is not None]
        for queue in queues:
            self.drops["sound"] += queue.put(parts, duration_ns)
        return len(queues)

    def not_sent(self, peers: Iterable[bytes]) -> None:
        """Give back what `recipients` charged for a frame that could not be sent."""
        for peer in peers:
            if viewer := self._viewers.get(peer):
                viewer.refund()
                self.drops["send"] += 1

    def break_chain(self) -> None:
        """Note that no viewer can use what follows before a key frame, which is wanted at once."""
        for viewer in self._viewers.values():
            viewer.in_sync = False
        self._last_key_ns = None

    def tick(self, now_ns: int) -> tuple[bytes, ...]:
        """Elect the primary where it is due, forget the silent, and return their peers."""
        silent = tuple(
            peer
            for peer, viewer in self._viewers.items()
            if now_ns - viewer.heard_ns > self.limits.silence_ns
        )
        for peer in silent:
            self.leave(peer, now_ns)
        if now_ns >= self._next_election_ns or self._primary_holds_up_others(now_ns):
            self._elect(now_ns)
        return silent

    def _primary_holds_up_others(self, now_ns: int) -> bool:
        if self.primary is None or self.may_encode():
            return False
        has_stalled = self._viewers[self.primary].has_stalled(now_ns, PATIENCE_NS)
        return has_stalled and any(viewer.credit > 0 for viewer in self._viewers.values())

    def _elect(self, now_ns: int) -> None:
        self._next_election_ns = now_ns + SECOND_NS
        # Who neither has credit nor owes a frame does not watch, and must not stop the others.
        able = {p: v for p, v in self._viewers.items() if v.credit > 0 or v.under_way}
        counts = {peer: viewer.returned(now_ns) for peer, viewer in able.items()}
        enough = max(counts.values(), default=0) - COUNT_TOLERANCE
        tied = [peer for peer, count in counts.items() if count >= enough]
        self.primary = min(
            tied, key=lambda p: (able[p].service_ns(now_ns), p != self.primary), default=None
        )
