"""runtime/source/timeline: times that only grow, and dropping by time."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stereocast.runtime.source.timeline import RateLimit, Timeline, to_ns

MS = 1_000_000


def milliseconds(*, constant_rate: bool = True) -> Timeline:
    return Timeline(Fraction(1, 1000), picture_ns=40 * MS, constant_rate=constant_rate)


@pytest.mark.parametrize("base", [Fraction(1, 90_000), Fraction(1001, 30_000), Fraction(1, 1000)])
def test_nanoseconds_convert_back_to_the_same_ticks(base: Fraction) -> None:
    for ticks in (-7, 0, 1, 2, 3, 12_345, 10**9 + 1):
        assert round(Fraction(to_ns(ticks, base), 10**9) / base) == ticks


def test_growing_times_pass_unchanged() -> None:
    timeline = milliseconds()
    assert [timeline.place(t) for t in (-40, 0, 41, 82)] == [-40 * MS, 0, 41 * MS, 82 * MS]
    assert (timeline.repaired, timeline.gaps) == (0, 0)


def test_missing_times_continue_at_the_nominal_rate() -> None:
    timeline = milliseconds()
    assert [timeline.place(t) for t in (None, None, 80, None)] == [0, 40 * MS, 80 * MS, 120 * MS]
    assert timeline.repaired == 3


def test_a_repeated_time_moves_by_one_tick() -> None:
    timeline = milliseconds()
    assert [timeline.place(t) for t in (0, 40, 40, 39, 80)] == [
        0,
        40 * MS,
        41 * MS,
        42 * MS,
        80 * MS,
    ]
    assert timeline.repaired == 2


def test_a_new_clock_is_followed() -> None:
    timeline = milliseconds()
    times = [timeline.place(t) for t in (5000, 5040, 0, 40, 80)]
    assert times == [5000 * MS, 5040 * MS, 5080 * MS, 5120 * MS, 5160 * MS]
    assert timeline.repaired == 1


def test_gaps_are_counted_at_a_constant_rate_only() -> None:
    for constant_rate, gaps in ((True, 1), (False, 0)):
        timeline = milliseconds(constant_rate=constant_rate)
        for ticks in (0, 40, 95, 160):
            timeline.place(ticks)
        assert timeline.gaps == gaps


@pytest.mark.parametrize(
    ("fps", "limit", "kept"),
    [(50, 25, 50), (24, 30, 48), (60, 24, 48), (30, 30, 60), (25, 24, 48), (30, 0.5, 1)],
)
def test_the_rate_limit_keeps_this_many_of_two_seconds(fps: int, limit: float, kept: int) -> None:
    rate = RateLimit(limit)
    times = [round(i * 1000 / fps) * MS + 7 * MS for i in range(2 * fps)]  # rounded to whole ms
    assert sum(rate.keeps(t) for t in times) == kept
