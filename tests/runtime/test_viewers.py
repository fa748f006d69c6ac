"""Who gets which frame, and when a key frame is due. Simulated time."""

from __future__ import annotations

from stereocast.runtime.viewers import ViewerLimits, Viewers
from stereocast.runtime.wire import End, Hello

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


def test_without_viewers_nothing_is_encoded() -> None:
    viewers = joined()
    assert not viewers.may_encode() and not viewers.wants_key(0)


def test_a_viewer_without_credit_paces_nobody() -> None:
    viewers = joined(SLOW, credit=0)
    assert viewers.primary is None and not viewers.may_encode()
    viewers.join(FAST, hello(), MS)
    assert viewers.primary == FAST


def test_may_encode_follows_the_primarys_credit() -> None:
    viewers = joined(FAST)
    for seq in range(2):
        assert viewers.may_encode()
        viewers.recipients(is_key=seq == 0, seq=seq, now_ns=seq)
    assert not viewers.may_encode()
    viewers.grant(FAST, 1, 9)
    assert viewers.may_encode()


def test_the_ninth_viewer_is_refused_and_told_why() -> None:
    viewers = joined(*(bytes([number]) for number in range(8)))
    refusal = viewers.join(b"ninth", hello(), 0)
    assert isinstance(refusal, End) and refusal.code == "full"
    assert "8 places" in refusal.text and len(viewers) == 8


def test_credit_is_capped() -> None:
    viewers = joined(FAST, credit=60_000)
    viewers.grant(FAST, 60_000, 0)
    assert viewers[FAST].credit == 8


def test_a_viewer_that_joins_gets_its_key_frame_at_once() -> None:
    viewers = joined(FAST)
    viewers.recipients(is_key=True, seq=0, now_ns=0)
    assert not viewers.wants_key(MS)
    viewers.join(SLOW, hello(), 2 * MS)
    assert viewers.wants_key(2 * MS)
    assert viewers.recipients(is_key=True, seq=1, now_ns=3 * MS) == (FAST, SLOW)
    assert not viewers.wants_key(4 * MS)


def test_until_its_key_frame_comes_a_new_viewer_gets_nothing() -> None:
    viewers = joined(FAST)
    viewers.recipients(is_key=True, seq=0, now_ns=0)
    viewers.join(SLOW, hello(), 1)
    assert viewers.recipients(is_key=False, seq=1, now_ns=2) == (FAST,)
    assert viewers.drops == {"desync": 1}


def test_a_viewer_that_missed_one_frame_waits_for_a_key_frame() -> None:
    viewers = joined(FAST, credit=8)
    viewers.join(SLOW, hello(credit=1), 0)
    viewers.recipients(is_key=True, seq=0, now_ns=0)
    assert viewers.recipients(is_key=False, seq=1, now_ns=1) == (FAST,)
    viewers.grant(SLOW, 1, 2)
    assert viewers.recipients(is_key=False, seq=2, now_ns=3) == (FAST,)
    assert viewers.recipients(is_key=True, seq=3, now_ns=4) == (FAST, SLOW)
    assert viewers.drops == {"credit": 1, "desync": 1}


def test_a_desynced_viewer_makes_no_key_frame_before_it_can_take_one() -> None:
    viewers = joined(FAST, credit=8)
    viewers.join(SLOW, hello(credit=1), 0)
    viewers.recipients(is_key=True, seq=0, now_ns=0)
    viewers.recipients(is_key=False, seq=1, now_ns=1)
    assert not viewers.wants_key(2 * S)
    viewers.grant(SLOW, 1, 2 * S)
    assert viewers.wants_key(2 * S)


def test_key_requests_are_answered_together_after_half_a_second() -> None:
    viewers = joined(FAST, SLOW, credit=8)
    viewers.recipients(is_key=True, seq=5, now_ns=0)
    for peer in (FAST, SLOW):
        viewers.request_key(peer, 7, 100 * MS)
    assert not viewers.wants_key(499 * MS)
    assert viewers.wants_key(500 * MS)
    viewers.recipients(is_key=True, seq=9, now_ns=500 * MS)
    assert not viewers.wants_key(5 * S)


def test_a_key_request_that_crossed_its_key_frame_is_not_repeated() -> None:
    viewers = joined(FAST, credit=8)
    viewers.recipients(is_key=True, seq=5, now_ns=0)
    viewers.request_key(FAST, 3, 10 * MS)
    assert viewers.recipients(is_key=False, seq=6, now_ns=20 * MS) == (FAST,)
    assert not viewers.wants_key(S)


def test_a_frame_that_could_not_be_sent_costs_no_credit_but_the_chain() -> None:
    viewers = joined(FAST)
    peers = viewers.recipients(is_key=True, seq=0, now_ns=0)
    viewers.not_sent(peers)
    assert viewers[FAST].credit == 2 and viewers[FAST].under_way == 0
    assert viewers.recipients(is_key=False, seq=1, now_ns=1) == ()
    assert viewers.drops == {"send": 1, "desync": 1}


def test_a_silent_viewer_is_forgotten() -> None:
    viewers = joined(SLOW, FAST)
    viewers[FAST].heard_ns = 3 * S
    assert viewers.tick(5 * S) == ()
    assert viewers.tick(5 * S + 1) == (SLOW,)
    assert viewers.primary == FAST and len(viewers) == 1
