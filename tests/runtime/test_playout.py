"""Sound in step with its pictures: delayed as they are, stretched by one per cent at most."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocast.runtime.sound.playout import (
    MARGIN_NS,
    MAX_STRETCH,
    RESYNC_NS,
    Block,
    DelayedPlayout,
    Placed,
)

MS = 1_000_000
S = 1000 * MS
BLOCK_NS = 20 * MS
EARLY_NS = 150 * MS
"""How much before its capture sound comes: what files do."""


def block(number: int, *, epoch: int = 1, shift_ns: int = 0) -> Block:
    """A block of a source whose time 0 is captured at 100 s and `shift_ns`."""
    pts_ns = number * BLOCK_NS
    return Block(epoch, pts_ns, 100 * S + shift_ns + pts_ns, BLOCK_NS)


def play(
    playout: DelayedPlayout, blocks: Iterable[Block], *, age_ns: int, early_ns: int = EARLY_NS
) -> list[tuple[Block, Placed]]:
    """Bring blocks and as many pictures; return those that were placed."""
    placed = []
    for one in blocks:
        now_ns = one.capture_ns - early_ns
        playout.picture(age_ns, now_ns)
        where = playout.place(one, now_ns)
        if where is not None:
            placed.append((one, where))
    return placed


def skew_ns(one: Block, where: Placed, age_ns: int) -> int:
    """How much later the block is heard than its picture is seen."""
    return where.at_ns - (one.capture_ns + age_ns)


def test_before_a_picture_was_seen_nobody_knows_when() -> None:
    playout = DelayedPlayout()
    assert playout.delay_ns is None
    assert playout.place(block(0), 100 * S) is None


def test_sound_is_heard_when_its_picture_is_seen() -> None:
    placed = play(DelayedPlayout(), map(block, range(100)), age_ns=80 * MS)
    assert len(placed) == 100
    assert all(skew_ns(one, where, 80 * MS) == 0 for one, where in placed)
    assert [where.follows for _, where in placed] == [False] + [True] * 99


@settings(max_examples=12, deadline=None)
@given(
    ages_ms=st.lists(st.integers(20, 400), min_size=2, max_size=6),
    wobbles_ms=st.lists(st.integers(-30, 30), min_size=8, max_size=8),
    lost=st.sets(st.integers(5, 290), max_size=12),
)
def test_sound_never_overlaps_and_is_never_stretched_by_more_than_one_per_cent(
    ages_ms: list[int], wobbles_ms: list[int], lost: set[int]
) -> None:
    playout, placed = DelayedPlayout(), []
    for number in range(300):
        if number in lost:
            continue
        shift_ns = wobbles_ms[number * 8 // 300] * MS
        age_ns = ages_ms[number * len(ages_ms) // 300] * MS
        placed += play(playout, [block(number, shift_ns=shift_ns)], age_ns=age_ns)
    for _, where in placed:
        stretch = (where.end_ns - where.at_ns) / BLOCK_NS - 1
        assert abs(stretch) <= MAX_STRETCH + 1e-6
    for (_, before), (_, after) in itertools.pairwise(placed):
        if after.follows:
            assert after.at_ns == before.end_ns
        elif playout.resyncs == 0:
            assert after.at_ns >= before.end_ns


@given(change_ms=st.integers(-300, 300))
@settings(max_examples=5, deadline=None)
def test_a_new_latency_is_followed_smoothly_until_sound_is_in_step_again(change_ms: int) -> None:
    playout = DelayedPlayout()
    play(playout, map(block, range(300)), age_ns=320 * MS)
    age_ns = (320 + change_ms) * MS
    count = 300 + 50 * 4 + 50 * 40  # the median has to turn, then one per cent has to do
    placed = play(playout, map(block, range(300, count)), age_ns=age_ns)
    assert playout.resyncs == 0 and all(where.follows for _, where in placed)
    errors = [abs(skew_ns(one, where, age_ns)) for one, where in placed[200:]]
    assert all(after <= before + 1 for before, after in itertools.pairwise(errors))
    assert errors[-1] <= MS


def test_a_delay_that_was_not_known_at_the_beginning_is_put_right_soon() -> None:
    playout = DelayedPlayout()
    play(playout, [block(number) for number in range(5)], age_ns=300 * MS)
    placed = play(playout, [block(number) for number in range(5, 100)], age_ns=80 * MS)
    assert playout.resyncs == 1
    assert abs(skew_ns(*placed[-1], 80 * MS)) <= 2 * MS


@pytest.mark.parametrize("jump_ms", [700, -700])
def test_what_is_half_a_second_off_is_put_right_at_once(jump_ms: int) -> None:
    playout, age_ns = DelayedPlayout(), 80 * MS
    play(playout, map(block, range(100)), age_ns=age_ns)
    jumped = [block(number, shift_ns=jump_ms * MS) for number in range(100, 200)]
    placed = play(playout, jumped, age_ns=age_ns)
    assert playout.resyncs == 1
    assert [where.follows for _, where in placed] == [False] + [True] * (len(placed) - 1)
    assert all(skew_ns(one, where, age_ns) == 0 for one, where in placed)
    assert abs(jump_ms) * MS > RESYNC_NS


def test_a_new_epoch_begins_where_its_pictures_do() -> None:
    playout, age_ns = DelayedPlayout(), 80 * MS
    play(playout, map(block, range(50)), age_ns=age_ns)
    again = [block(number, epoch=2, shift_ns=3 * S) for number in range(10)]
    placed = play(playout, again, age_ns=age_ns)
    assert playout.resyncs == 0 and not placed[0][1].follows
    assert all(skew_ns(one, where, age_ns) == 0 for one, where in placed)


def test_what_is_missing_is_silence_and_no_error() -> None:
    playout, age_ns = DelayedPlayout(), 80 * MS
    numbers = [*range(50), *range(57, 100)]
    placed = play(playout, map(block, numbers), age_ns=age_ns)
    assert playout.resyncs == 0
    assert [where.follows for _, where in placed].count(False) == 2
    assert all(skew_ns(one, where, age_ns) == 0 for one, where in placed)


def test_sound_that_always_comes_late_is_heard_late_rather_than_in_shreds() -> None:
    playout, age_ns, late_ns = DelayedPlayout(), 40 * MS, 120 * MS
    placed = play(playout, map(block, range(200)), age_ns=age_ns, early_ns=-late_ns)
    assert len(placed) == 200 and playout.late == playout.resyncs == 0
    assert {skew_ns(one, where, age_ns) for one, where in placed} == {late_ns + MARGIN_NS - age_ns}


def test_sound_that_comes_after_its_time_once_is_left_out_and_the_rest_is_in_step() -> None:
    playout, age_ns = DelayedPlayout(), 80 * MS
    play(playout, map(block, range(100)), age_ns=age_ns)
    assert playout.place(replace(block(100), epoch=2), block(100).capture_ns + S) is None
    assert playout.late == 1
    placed = play(playout, (block(n, epoch=2) for n in range(101, 150)), age_ns=age_ns)
    assert all(skew_ns(one, where, age_ns) == 0 for one, where in placed)
