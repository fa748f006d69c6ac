"""`stereocast models …` as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stereocast.engine.errors import ModelError
from stereocast.runtime.cli import app
from stereocast.runtime.cli.cache import cache_folder
from tests.models.networks import network

IMPORT = ("--name", "toy", "--output", "metric-depth", "--normalise", "0..1", "--licence", "MIT")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def refused(*arguments: object) -> str:
    error = run(*arguments).exception
    assert isinstance(error, ModelError)
    assert "\n" not in str(error)
    return str(error)


def test_the_list_names_every_model_its_licence_and_whether_it_is_here():
    said = run("list").stdout
    for expected in ("vda-small", "built in", "not here", "116 MB", "CC-BY-NC-4.0 *"):
        assert expected in said


def test_a_network_comes_is_listed_checked_and_goes(tmp_path: Path):
    path, report = network(tmp_path / "toy.onnx"), tmp_path / "models.json"
    assert "toy: metric-depth" in run("import", path, *IMPORT).stdout
    assert run("list", "--json", report).exit_code == 0
    row = next(r for r in json.loads(report.read_text())["models"] if r["name"] == "toy")
    assert (row["state"], row["licence"], row["output"]) == ("here", "MIT", "metric-depth")
    assert "toy: right" in run("verify").stdout
    assert "toy: removed" in run("remove", "toy").stdout
    assert "there are no models" in run("verify").stdout


def test_damage_is_listed_and_fails_the_check(tmp_path: Path):
    run("import", network(tmp_path / "toy.onnx"), *IMPORT)
    file = cache_folder() / "models" / "toy" / "toy.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert "has changed" in refused("verify", "toy")
    file.write_bytes(b"")
    assert "damaged" in run("list").stdout


def test_an_unfinished_pull_shows_how_far_it_is():
    place = cache_folder() / "models" / "vda-small"
    place.mkdir(parents=True)
    with (place / ".video_depth_anything_vits.pth.partial").open("wb") as file:
        file.truncate(58_220_378)
    assert "50 % fetched" in run("list").stdout


def test_what_cannot_be_done_says_what_to_do(tmp_path: Path):
    assert "--accept-licence" in refused("pull", "vda-large")
    assert "did you mean 'vda-base'" in refused("pull", "vda_base")
    assert "add --name, --output" in refused("import", network(tmp_path / "toy.onnx"))
    assert "pull vda-small" in refused("verify", "vda-small")
    assert "there is no model" in refused("remove", "vda-small")


@pytest.mark.parametrize("command", ["list", "pull", "import", "verify", "remove"])
def test_every_command_shows_an_example(command: str):
    assert f"stereocast models {command}" in run(command, "--help").stdout


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert cache_folder() == tmp_path / ".cache" / "stereocast"
