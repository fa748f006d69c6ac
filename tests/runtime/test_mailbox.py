"""runtime/mailbox: nothing queues, nothing is lost unnoticed, failures travel."""

from __future__ import annotations

import threading

import pytest

from stereocast.runtime.mailbox import Closed, Mailbox


def test_the_newest_wins_and_what_it_replaced_is_counted() -> None:
    box: Mailbox[int] = Mailbox(latest=True)
    for item in range(5):
        assert box.put(item)
    assert box.take() == 4
    assert box.dropped == 4
    assert box.take(0) is None


def test_a_bounded_box_keeps_everything_in_order() -> None:
    box: Mailbox[int] = Mailbox(latest=False, capacity=2)
    giver = threading.Thread(target=lambda: [box.put(item) for item in range(20)])
    giver.start()
    assert [box.take(5) for _ in range(20)] == list(range(20))
    giver.join()
    assert box.dropped == 0


def test_a_full_box_makes_the_giver_wait_until_there_is_room() -> None:
    box: Mailbox[str] = Mailbox(latest=False, capacity=1)
    box.put("first")
    has_put = threading.Event()
    giver = threading.Thread(target=lambda: (box.put("second"), has_put.set()))
    giver.start()
    assert not has_put.wait(0.05)
    assert box.take() == "first"
    assert has_put.wait(5)
    giver.join()


def test_closing_frees_a_giver_that_waits() -> None:
    box: Mailbox[int] = Mailbox(latest=False)
    box.put(1)
    results: list[bool] = []
    giver = threading.Thread(target=lambda: results.append(box.put(2)))
    giver.start()
    box.close()
    giver.join(5)
    assert results == [False]


def test_closing_frees_a_taker_that_waits() -> None:
    box: Mailbox[int] = Mailbox(latest=True)
    timer = threading.Timer(0.02, box.close)
    timer.start()
    with pytest.raises(Closed):
        box.take(5)
    timer.join()


def test_what_was_left_before_closing_is_taken_first() -> None:
    box: Mailbox[int] = Mailbox(latest=False, capacity=3)
    box.put(1)
    box.put(2)
    box.close()
    assert (box.is_closed, box.is_finished) == (True, False)
    assert [box.take(), box.take()] == [1, 2]
    assert box.is_finished
    with pytest.raises(Closed):
        box.take()


def test_a_failure_travels_after_what_was_left_before_it() -> None:
    box: Mailbox[int] = Mailbox(latest=False)
    box.put(1)
    box.close(ValueError("broken"))
    assert box.take() == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            box.take()


def test_the_first_failure_is_the_one_that_counts() -> None:
    box: Mailbox[int] = Mailbox(latest=True)
    box.close(ValueError("first"))
    box.close(KeyError("second"))
    box.close()
    with pytest.raises(ValueError, match="first"):
        box.check()


def test_nothing_is_wrong_with_a_box_that_was_only_closed() -> None:
    box: Mailbox[int] = Mailbox(latest=True)
    box.check()
    box.close()
    box.check()
