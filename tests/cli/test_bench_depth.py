"""`stereocast bench depth-quality` from outside: a small run, and what it refuses."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from stereocast.engine.errors import ConfigError
from stereocast.runtime.cli.bench import bench
from tests.bench.folder_writers import FRAMES, Written, write_tum


def run(*arguments: str):
    return CliRunner().invoke(bench, ["depth-quality", *arguments])


def test_a_small_run_writes_tables_and_pictures(tmp_path) -> None:
    result = run(
        "--clips", "1", "--frames", "8", "--size", "40x32", "--markdown", str(tmp_path / "a.md"),
        "--json", str(tmp_path / "a.json"), "--pictures", str(tmp_path / "looks"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    text = (tmp_path / "a.json").read_text()
    report = json.loads(text)
    assert "NaN" not in text  # which is no JSON
    assert {"net, mamba", "net, none", "raw teacher"} <= report["methods"].keys()
    assert report["gates"].keys() == {"mamba", "none"}
    assert "| raw teacher |" in (tmp_path / "a.md").read_text()
    assert len(list((tmp_path / "looks").glob("*.png"))) == 2


def test_a_folder_is_guessed_and_scored(tmp_path) -> None:
    folder = write_tum(Written(), tmp_path)
    result = run("--folder", str(folder), "--model", "prior", "--json", str(tmp_path / "a.json"))
    assert result.exit_code == 0, result.output
    assert "laid out as tum" in result.output
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["frames"] == report["frames_with_pose"] == FRAMES
    assert list(report["methods"]) == ["constant", "row ramp", "prior", "prior, classic"]
    for scores in report["methods"].values():
        assert 0 < scores["AbsRel"] < 1 and scores["TAE"] is not None


def test_a_model_teaches_on_rendered_worlds(tmp_path) -> None:
    result = run(
        "--model", "tiny", "--clips", "1", "--frames", "8", "--size", "64x40", "--tuning",
        "--json", str(tmp_path / "a.json"), "--pictures", str(tmp_path / "looks"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "a.json").read_text())
    assert {"tiny", "scale and shift", "classic", "net, mamba"} <= report["methods"].keys()
    assert report["first_seed"] == 900_000  # tuning's
    assert len(list((tmp_path / "looks").glob("*.png"))) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--weights", "mamba"), "expected NAME=FILE"),
        (("--weights", "gru-1=x"), "a name begins with mamba or none"),
        (("--layout", "tum"), "is for --folder"),
        (("--model", "tiny", "--proxy"), "leave them or --model out"),
        (("--folder", "none", "--proxy"), "leave them or --folder out"),
        (("--folder", "none", "--tuning"), "leave them or --folder out"),
        (("--folder", "none"), "there is no such folder"),
        (("--folder", ".", "--layout", "vkitti"), "there is manifest, sintel"),
        (("--size", "big"), "give width and height in pixels"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError) and message in str(result.exception)
