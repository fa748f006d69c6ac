"""Who sets the pace of a stream: a slow viewer must not throttle a fast one. Simulated time."""

from __future__ import annotations

import itertools
from collections import deque

import pytest

from stereocast.runtime.viewers import ViewerLimits, Viewers
from stereocast.runtime.wire import Hello

MS = 1_000_000
S = 1000 * MS
SLOW, FAST, THIRD = b"slow", b"fast", b"third"


def hello(name: str = "watch", credit: int = 2) -> Hello:
    return Hello(client_id="c", name=name, credit=credit)


def joined(*peers: bytes, credit: int = 2) -> Viewers:
    viewers = Viewers(ViewerLimits())
    for peer in peers:
        assert viewers.join(peer, hello(credit=credit), 0) is None
    return viewers


class Simulation:
    """A camera of 30 fps, one encoder that takes 12 ms, and viewers that need their time.

    Steps of 1 ms. Each viewer shows one frame after the other, and checks that it has the picture
    that the frame depends on.
    """

    def __init__(self) -> None:
        self.viewers = Viewers(ViewerLimits())
        self.now_ms = 0
        self.shown: dict[bytes, list[int]] = {}
        self.ages_ms: dict[bytes, list[int]] = {}
        self.decode_errors = 0
        self.keys_ms: list[int] = []
        self._need_ms: dict[bytes, int] = {}
        self._queues: dict[bytes, deque[tuple[int, int, bool]]] = {}
        self._busy_until_ms: dict[bytes, int] = {}
        self._last_seen: dict[bytes, int] = {}
        self._newest: int | None = None
        self._encoding: tuple[int, int, bool] | None = None
        self._previous = -1

    def join(self, peer: bytes, *, need_ms: int, credit: int = 2) -> None:
        assert self.viewers.join(peer, hello(credit=credit), self.now_ms * MS) is None
        self._need_ms[peer] = need_ms
        self._queues[peer] = deque()
        self.shown[peer], self.ages_ms[peer] = [], []

    def leave(self, peer: bytes) -> None:
        self.viewers.leave(peer, self.now_ms * MS)
        del self._need_ms[peer]

    def stop(self, peer: bytes) -> None:
        """Let a viewer hang: it talks, but shows nothing more."""
        self._need_ms[peer] = 10**9
        if peer in self._busy_until_ms:
            self._busy_until_ms[peer] = 10**9

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000)):
            self._step()
            self.now_ms += 1

    def rate(self, peer: bytes, from_ms: int) -> int:
        """Frames shown in the second that begins at from_ms."""
        return sum(from_ms <= at < from_ms + 1000 for at in self.shown[peer])

    def _step(self) -> None:
        now, viewers = self.now_ms, self.viewers
        if now * 30 // 1000 != (now - 1) * 30 // 1000:
            self._newest = now * 30 // 1000
        if self._encoding is None and self._newest is not None and viewers.may_encode():
            self._encoding = (now + 12, self._newest, viewers.wants_key(now * MS))
            self._newest = None
        if self._encoding and self._encoding[0] == now:
            self._deliver(self._encoding[1], self._encoding[2])
            self._encoding = None
        for peer in self._need_ms:
            self._show(peer)
            viewers[peer].heard_ns = now * MS
        viewers.tick(now * MS)

    def _deliver(self, seq: int, is_key: bool) -> None:
        if is_key:
            self.keys_ms.append(self.now_ms)
        for peer in self.viewers.recipients(is_key=is_key, seq=seq, now_ns=self.now_ms * MS):
            self._queues[peer].append((seq, self._previous, is_key))
        self._previous = seq

    def _show(self, peer: bytes) -> None:
        if self._busy_until_ms.get(peer) == self.now_ms:
            del self._busy_until_ms[peer]
            seq, needed, is_key = self._queues[peer].popleft()
            self.decode_errors += not is_key and self._last_seen[peer] != needed
            self._last_seen[peer] = seq
            self.shown[peer].append(self.now_ms)
            self.ages_ms[peer].append(self.now_ms - seq * 1000 // 30)
            self.viewers.grant(peer, 1, self.now_ms * MS)
        if self._queues[peer] and peer not in self._busy_until_ms:
            self._busy_until_ms[peer] = self.now_ms + self._need_ms[peer]


@pytest.mark.parametrize("slow_ms", [50, 100, 400, 2000])
@pytest.mark.parametrize("credit", [1, 2, 8])
@pytest.mark.parametrize("delay_ms", [0, 10, 333, 990])
def test_a_slow_viewer_that_was_first_does_not_throttle_a_fast_one(
    slow_ms: int, credit: int, delay_ms: int
) -> None:
    simulation = Simulation()
    simulation.join(SLOW, need_ms=slow_ms, credit=2)
    simulation.run(3 + delay_ms / 1000)
    simulation.join(FAST, need_ms=8, credit=credit)
    joined_ms = simulation.now_ms
    simulation.run(7)
    # A fast viewer that takes one frame at a time loses those that come while it is busy.
    least = 28 if credit > 1 else 27
    for second in range(2, 6):
        assert simulation.rate(FAST, joined_ms + second * 1000) >= least
    assert simulation.viewers.primary == FAST
    assert simulation.decode_errors == 0


def test_a_fast_viewer_reaches_full_rate_within_two_seconds() -> None:
    simulation = Simulation()
    simulation.join(SLOW, need_ms=100)
    simulation.run(3)
    simulation.join(FAST, need_ms=8)
    joined_ms = simulation.now_ms
    simulation.run(3)
    rates = [simulation.rate(FAST, joined_ms + at) for at in range(0, 2001, 50)]
    assert max(rates[:21]) >= 28, rates


def test_the_slow_viewer_beside_a_fast_one_still_sees_fresh_pictures() -> None:
    simulation = Simulation()
    simulation.join(SLOW, need_ms=100)
    simulation.run(1)
    simulation.join(FAST, need_ms=8)
    simulation.run(20)
    assert max(simulation.ages_ms[SLOW]) <= 300
    assert len(simulation.shown[SLOW]) >= 3 * 20
    assert simulation.decode_errors == 0


def test_when_the_fast_viewer_leaves_the_slow_one_paces_at_once() -> None:
    simulation = Simulation()
    simulation.join(SLOW, need_ms=100)
    simulation.join(FAST, need_ms=8)
    simulation.run(3)
    simulation.leave(FAST)
    assert simulation.viewers.primary == SLOW
    left_ms = simulation.now_ms
    simulation.run(3)
    assert simulation.rate(SLOW, left_ms + 1000) >= 9


def test_a_hanging_primary_holds_the_others_up_for_less_than_half_a_second() -> None:
    simulation = Simulation()
    simulation.join(FAST, need_ms=8)
    simulation.join(THIRD, need_ms=10)
    simulation.run(3)
    assert simulation.viewers.primary == FAST
    simulation.stop(FAST)
    simulation.run(3)
    shown = [at for at in simulation.shown[THIRD] if at >= 2900]
    gaps = [after - before for before, after in itertools.pairwise(shown)]
    assert max(gaps) <= 500
    assert simulation.decode_errors == 0


def test_of_three_slow_viewers_the_fastest_paces() -> None:
    simulation = Simulation()
    for peer, need_ms in ((SLOW, 700), (FAST, 300), (THIRD, 450)):
        simulation.join(peer, need_ms=need_ms)
    simulation.run(12)
    assert simulation.viewers.primary == FAST
    assert simulation.rate(FAST, 10_000) >= 3
    assert simulation.decode_errors == 0


def test_key_frames_for_the_slow_keep_their_distance() -> None:
    simulation = Simulation()
    simulation.join(FAST, need_ms=8)
    simulation.join(SLOW, need_ms=100)
    simulation.run(10)
    keys = simulation.keys_ms[1:]
    assert len(keys) > 10
    assert min(b - a for a, b in itertools.pairwise(keys)) >= 500


def test_credit_given_for_nothing_does_not_make_a_primary() -> None:
    viewers = joined(FAST, SLOW)
    for seq in range(5):
        viewers.recipients(is_key=seq == 0, seq=seq, now_ns=seq * 10 * MS)
        viewers.grant(FAST, 1, (seq * 10 + 5) * MS)
    for _ in range(500):
        viewers.grant(SLOW, 8, 60 * MS)
    assert viewers[SLOW].credit == 8
    assert viewers[SLOW].returned(60 * MS) == 2
    viewers.tick(S)
    assert viewers.primary == FAST
