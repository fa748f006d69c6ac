"""The sound that waits for a viewer: bounded, the oldest goes first, and who asked gets it."""

from __future__ import annotations

from stereocast.runtime.viewer_sound import LONGEST_NS, MOST_PACKETS, MOST_UNHEARD, SoundQueue
from stereocast.runtime.viewers import ViewerLimits, Viewers
from stereocast.runtime.wire import Hello

MS = 1_000_000
PACKET_NS = 20 * MS


def parts(number: int) -> list[bytes]:
    return [b"A", b"", b"%d" % number]


def drained(queue: SoundQueue, heard_ns: int = 1) -> list[bytes]:
    taken = []
    while (oldest := queue.take(heard_ns)) is not None:
        taken.append(oldest[0][2])
    return taken


def test_sound_leaves_in_the_order_in_which_it_came() -> None:
    queue = SoundQueue()
    for number in range(5):
        queue.put(parts(number), PACKET_NS)
    assert drained(queue) == [b"0", b"1", b"2", b"3", b"4"] and queue.dropped == 0


def test_at_most_two_seconds_wait_and_the_oldest_is_dropped() -> None:
    queue = SoundQueue()
    dropped = sum(queue.put(parts(number), PACKET_NS) for number in range(103))
    assert dropped == queue.dropped == 3
    assert len(queue) == LONGEST_NS // PACKET_NS
    assert drained(queue)[0] == b"3"


def test_packets_of_no_length_cannot_fill_the_memory() -> None:
    queue = SoundQueue()
    for number in range(MOST_PACKETS + 9):
        queue.put(parts(number), 0)
    assert len(queue) == MOST_PACKETS and queue.dropped == 9


def test_a_viewer_that_says_nothing_is_sent_no_more_than_a_little() -> None:
    queue = SoundQueue()
    for number in range(MOST_UNHEARD + 50):
        queue.put(parts(number), MS)
    assert len(drained(queue, heard_ns=5)) == MOST_UNHEARD
    assert len(drained(queue, heard_ns=6)) == 50


def test_what_did_not_leave_is_the_next_again() -> None:
    queue = SoundQueue()
    for number in range(2):
        queue.put(parts(number), PACKET_NS)
    oldest = queue.take(1)
    assert oldest is not None
    queue.put_back(oldest)
    assert drained(queue) == [b"0", b"1"]


def test_only_who_asked_gets_sound_and_losses_are_counted() -> None:
    viewers = Viewers(ViewerLimits())
    for peer, want_audio in ((b"deaf", False), (b"ears", True)):
        viewers.join(peer, Hello(client_id="c", name="watch", want_audio=want_audio), 0)
    assert viewers.want_sound() == (b"ears",)
    assert [viewers.put_sound(parts(n), PACKET_NS) for n in range(101)] == [1] * 101
    assert viewers.drops["sound"] == 1 and viewers[b"deaf"].sound is None
