"""runtime/ladder: what is given up, when, and when it comes back. Tables of loads, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest

from stereocast.runtime.ladder import RUNGS, Deadline, Ladder, Workload, rungs

SECOND_NS = 1_000_000_000
BAD, BETWEEN, GOOD = 1.5, 0.85, 0.3


def climb(ladder: Ladder, loads: Iterable[float], *, start_s: float = 0.0) -> list[int]:
    """Feed one load each half second; return the index after each."""
    indices = []
    for step, load in enumerate(loads):
        ladder.observe(load, round((start_s + step / 2) * SECOND_NS))
        indices.append(ladder.index)
    return indices


@pytest.mark.parametrize(
    ("loads", "index"),
    [
        ([BAD] * 4, 0),  # one and a half seconds
        ([BAD] * 5, 1),  # two
        ([BAD] * 10, 2),
        ([BAD, BAD, BAD, BETWEEN, BAD, BAD, BAD, BAD], 0),  # never two seconds in a row
        ([BAD, BAD, BAD, GOOD, BAD, BAD, BAD, BAD], 0),
        ([BAD] * 100, len(RUNGS) - 1),
        ([BETWEEN] * 100, 0),
    ],
)
def test_two_bad_seconds_are_one_step_down(loads: list[float], index: int) -> None:
    assert climb(Ladder(RUNGS), loads)[-1] == index


@pytest.mark.parametrize(
    ("loads", "index"),
    [
        ([GOOD] * 20, 1),  # nine and a half seconds
        ([GOOD] * 21, 0),
        ([GOOD] * 15 + [BETWEEN] + [GOOD] * 15, 1),
        ([BETWEEN] * 100, 1),
    ],
)
def test_ten_good_seconds_are_one_step_up(loads: list[float], index: int) -> None:
    ladder = Ladder(RUNGS)
    climb(ladder, [BAD] * 5)
    assert ladder.index == 1
    assert climb(ladder, loads, start_s=10)[-1] == index


def test_a_step_up_that_does_not_hold_is_tried_again_later_and_later() -> None:
    """A load that is bad above and good below: without this it would swing for ever."""
    ladder, changes, before = Ladder(RUNGS), [], 0
    for step in range(2 * 300):
        ladder.observe(BAD if ladder.index == 0 else GOOD, step * SECOND_NS // 2)
        if ladder.index != before:
            changes.append(step / 2)
            before = ladder.index
    rises = changes[1::2]
    falls = changes[2::2]
    rests = [rise - fall for fall, rise in zip(falls, rises[1:], strict=False)]
    assert rests[:3] == [20.5, 40.5, 80.5]
    assert all(a <= b for a, b in pairwise(rests))


def test_each_rung_keeps_what_those_above_have_given_up() -> None:
    for higher, lower in pairwise(RUNGS):
        assert lower.simple_fill >= higher.simple_fill
        assert lower.grid_share <= higher.grid_share
        assert lower.depth_every >= higher.depth_every
        assert lower.scale <= higher.scale
        assert lower.take_every >= higher.take_every
        assert lower != higher


def test_where_pictures_must_keep_their_size_no_rung_changes_it() -> None:
    kept = rungs(can_shrink=False)
    assert all(rung.scale == 1.0 for rung in kept)
    assert [rung.take_every for rung in kept] == [1, 1, 1, 1, 2]


def test_the_workload_is_what_nine_of_ten_frames_do_not_exceed() -> None:
    workload = Workload()
    for work in (1, 2, 3, 4):
        workload.add(work)
    assert workload.p90_ns() == 0, "too few to tell"
    for work in range(100):
        workload.add(work)
    assert 93 <= workload.p90_ns() <= 95, "of the last sixty"


@pytest.mark.parametrize(
    ("age", "work", "skips"),
    [
        (0.1, 0.5, False),  # in time
        (0.9, 0.9, False),  # old, and still in time
        (0.9, 1.5, True),  # late, and the next one is near
        (0.2, 3.0, False),  # late whatever is done: the next one would be later
    ],
)
def test_late_work_is_left_out_only_if_a_younger_frame_is_near(age, work, skips) -> None:
    interval = 100
    assert Deadline().skips(round(age * interval), round(work * interval), interval) is skips


def test_never_two_frames_in_a_row_are_let_pass() -> None:
    deadline = Deadline()
    assert [deadline.skips(90, 500, 100) for _ in range(4)] == [True, False, True, False]
