"""`stereocast bench stereo-truth` from the command line."""

from __future__ import annotations

import json

import pytest

from stereocast.bench.stereo_truth.methods import COPY, OURS, SPLAT


def test_command_writes_tables_report_and_pictures(stereocast, tmp_path):
    result = stereocast(
        "bench", "stereo-truth", "--scenes", "1", "--frames", "2", "--size", "64x40",
        "--depth", "perfect", "--json", tmp_path / "r.json", "--markdown", tmp_path / "r.md",
        "--pictures", tmp_path / "looks",
    )  # fmt: skip
    assert result.code == 0, result.err
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["schema"] == "stereocast/bench-stereo-truth/1"
    assert {row["method"] for row in report["rows"]} >= {OURS, COPY, SPLAT}
    assert [gate["limit"] for gate in report["gates"]] == [1.2, pytest.approx(5 / 6)]
    assert (tmp_path / "r.md").read_text().startswith("## Second eyes against true ones")
    assert len(list((tmp_path / "looks").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--size", "big"), "--size big: give width and height"),
        (("--scenes", "0"), "nothing is left to score"),
        (("--markdown", "page.txt"), "name a .md file"),
    ],
)
def test_wrong_options_are_answered_in_one_line(stereocast, arguments, reason):
    result = stereocast("bench", "stereo-truth", *arguments)
    assert result.code == 1
    assert len(result.err) == 1
    assert reason in result.err[0]
