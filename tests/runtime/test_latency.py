"""Stage accounting: sums are exact, percentiles are close, histograms merge."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rich.console import Console

from stereocast.runtime import latency


def journey(seed: int = 0) -> dict[int, int]:
    steps = np.random.default_rng(seed).integers(1, 20_000_000, 11).tolist()
    return dict(enumerate(itertools.accumulate(steps)))


def test_stages_sum_to_the_total_exactly() -> None:
    for seed in range(50):
        stamps = journey(seed)
        assert sum(latency.stage_durations(stamps).values()) == stamps[10] - stamps[0]


def test_stages_are_named_after_the_stamp_that_ends_them() -> None:
    assert tuple(latency.stage_durations(journey())) == latency.STAMPS[1:]


def test_a_missing_stamp_gives_its_time_to_the_next_stage() -> None:
    stamps = journey()
    del stamps[3], stamps[4]
    durations = latency.stage_durations(stamps)
    assert "depth" not in durations
    assert durations["warp"] == stamps[5] - stamps[2]
    assert sum(durations.values()) == stamps[10] - stamps[0]


def test_an_unknown_stamp_is_refused() -> None:
    with pytest.raises(ValueError, match="numbered 0…10"):
        latency.stage_durations({0: 1, 11: 2})


def test_an_extension_map_gives_only_integer_stamps() -> None:
    extension = {"t0": 5, "t6": 9, "t7": "late", "t8": True, "t11": 1, "note": 3}
    assert latency.stamps_from_extension(extension) == {0: 5, 6: 9}


@pytest.mark.parametrize("percent", [1, 50, 95, 99, 100])
@pytest.mark.parametrize("scale_ns", [3_000, 900_000, 700_000_000])
def test_percentiles_are_right_to_three_digits(percent: int, scale_ns: int) -> None:
    durations = np.random.default_rng(7).gamma(3.0, scale_ns, 5001).astype(np.int64)
    histogram = latency.Histogram()
    for duration in durations.tolist():
        histogram.add(duration)
    exact = int(np.percentile(durations, percent, method="inverted_cdf"))
    assert abs(histogram.percentile_ns(percent) - exact) <= max(100, 1e-3 * exact)


def test_extremes_are_exact_and_nothing_is_lost_outside_the_range() -> None:
    histogram = latency.Histogram()
    for duration in (-5_000, 0, 60_000_000_000):
        histogram.add(duration)
    assert (histogram.count, sum(histogram.counts.values())) == (3, 3)
    assert (histogram.min_ns, histogram.max_ns) == (-5_000, 60_000_000_000)
    assert histogram.report_ms()["max"] == 60_000.0


def test_a_single_duration_is_every_percentile() -> None:
    histogram = latency.Histogram()
    histogram.add(12_345_678)
    assert set(histogram.report_ms().values()) == {12.346}


def test_an_empty_histogram_reports_zeros() -> None:
    assert set(latency.Histogram().report_ms().values()) == {0.0}


def test_merging_equals_counting_together() -> None:
    accounts = [latency.StageAccount() for _ in range(3)]
    for seed in range(40):
        accounts[seed % 2].add(journey(seed))
        accounts[2].add(journey(seed))
    accounts[0].merge(accounts[1])
    assert accounts[0] == accounts[2]


def test_merging_nothing_changes_nothing() -> None:
    account, before = latency.StageAccount(), latency.StageAccount()
    account.add(journey())
    before.add(journey())
    account.merge(latency.StageAccount())
    assert account == before


def test_one_stamp_alone_is_no_latency() -> None:
    account = latency.StageAccount()
    account.add({0: 1})
    assert (account.total.count, account.stages) == (0, {})


def test_report_has_the_shared_shape_in_the_order_of_the_journey() -> None:
    account = latency.StageAccount()
    account.add({0: 0, 9: 30_000_000, 8: 20_000_000, 7: 18_000_000})
    report = latency.report(account, frames_in=3, frames_out=2, drops={"credit": 1}, fps=29.97123)
    assert report == {
        "frames_in": 3,
        "frames_out": 2,
        "drops": {"credit": 1},
        "fps": 29.97,
        "stages_ms": {
            "send": dict.fromkeys(("p50", "p95", "p99", "max"), 18.0),
            "receive": dict.fromkeys(("p50", "p95", "p99", "max"), 2.0),
            "view-decode": dict.fromkeys(("p50", "p95", "p99", "max"), 10.0),
        },
        "total_ms": dict.fromkeys(("p50", "p95", "p99", "max"), 30.0),
    }


def test_table_has_a_row_per_stage_and_the_total() -> None:
    account = latency.StageAccount()
    account.add(journey())
    console = Console(width=80)
    with console.capture() as capture:
        console.print(latency.table(account, title="latency"))
    rows = [line.split()[1] for line in capture.get().splitlines() if line.startswith("│")]
    assert rows == [*latency.STAMPS[1:], "total"]
