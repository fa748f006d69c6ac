"""The clock estimate bounds the truth, and refuses to tell what it cannot know."""

from __future__ import annotations

import random

from stereocast.runtime.clock import DRIFT_PPM, WINDOW, ClockEstimate, OffsetEstimator

MS = 1_000_000


def exchange(
    estimator: OffsetEstimator, *, at_ns: int, offset_ns: int, there_ns: int, back_ns: int
) -> None:
    t2 = at_ns + there_ns + offset_ns
    estimator.add(at_ns, t2, t2 + 20_000, at_ns + there_ns + 20_000 + back_ns)


def test_without_an_exchange_there_is_no_estimate() -> None:
    assert OffsetEstimator().estimate() is None


def test_equal_ways_give_the_exact_offset() -> None:
    estimator = OffsetEstimator()
    exchange(estimator, at_ns=5, offset_ns=-7 * MS, there_ns=MS, back_ns=MS)
    assert estimator.estimate() == ClockEstimate(-7 * MS, MS)


def test_the_error_bounds_the_truth_however_unequal_the_ways() -> None:
    rng = random.Random(1)
    for _ in range(300):
        estimator, offset_ns = OffsetEstimator(), rng.randrange(-(10**15), 10**15)
        for number in range(rng.randrange(1, 90)):
            ways = rng.randrange(MS // 10, 90 * MS), rng.randrange(MS // 10, 90 * MS)
            exchange(
                estimator,
                at_ns=number * 500 * MS,
                offset_ns=offset_ns,
                there_ns=ways[0],
                back_ns=ways[1],
            )
        estimate = estimator.estimate()
        assert estimate is not None
        assert abs(estimate.offset_ns - offset_ns) <= estimate.error_ns + 1


def test_the_shortest_round_trip_is_trusted() -> None:
    estimator = OffsetEstimator()
    exchange(estimator, at_ns=0, offset_ns=0, there_ns=MS // 10, back_ns=MS // 10)
    exchange(estimator, at_ns=500 * MS, offset_ns=0, there_ns=40 * MS, back_ns=MS)
    estimate = estimator.estimate()
    assert estimate is not None and estimate.offset_ns == 0


def test_the_error_of_an_old_exchange_grows_with_what_clocks_may_drift() -> None:
    estimator = OffsetEstimator()
    exchange(estimator, at_ns=0, offset_ns=0, there_ns=MS // 10, back_ns=MS // 10)
    exchange(estimator, at_ns=10_000 * MS, offset_ns=0, there_ns=90 * MS, back_ns=MS)
    estimate = estimator.estimate()
    assert estimate is not None
    assert abs(estimate.error_ns - (MS // 10 + 10_091 * MS * DRIFT_PPM // 10**6)) <= 100


def test_an_exchange_older_than_the_window_is_forgotten() -> None:
    estimator = OffsetEstimator()
    exchange(estimator, at_ns=0, offset_ns=3 * MS, there_ns=1000, back_ns=1000)
    for number in range(1, WINDOW + 1):
        exchange(estimator, at_ns=number, offset_ns=0, there_ns=9 * MS, back_ns=9 * MS)
    estimate = estimator.estimate()
    assert estimate is not None and estimate.offset_ns == 0


def test_stamps_that_contradict_each_other_are_refused() -> None:
    estimator = OffsetEstimator()
    assert not estimator.add(10, 0, 0, 9)
    assert not estimator.add(0, 5, 4, 10)
    assert not estimator.add(0, 0, 100, 10)
    assert estimator.estimate() is None


def test_a_one_way_time_is_told_when_the_error_is_a_quarter_of_it() -> None:
    assert ClockEstimate(-50, 250).one_way_ns(sent_ns=0, received_ns=1050) == 1000


def test_a_one_way_time_is_refused_when_the_error_is_more() -> None:
    assert ClockEstimate(-50, 251).one_way_ns(sent_ns=0, received_ns=1050) is None
    assert ClockEstimate(0, 0).one_way_ns(sent_ns=9, received_ns=0) is None
