"""`--model NAME` end to end: a file in, a 3D file and its depth out, or one line that says why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stereocast.runtime.cli.sessions import with_model
from stereocast.runtime.config import load
from tests.commands import Stereocast
from tests.models.networks import network

CLIP = "testsrc:?size=192x108&fps=25&frames=6"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_option_equals_the_setting_and_comes_last():
    settings = with_model("vda-small", ["depth.model=prior", "stereo.strength=3"])
    config = load(None, settings)
    assert (config.depth.model, config.stereo.strength) == ("vda-small", 3.0)
    assert with_model(None, None) == []


def test_a_table_without_a_model_keeps_the_built_in_one():
    assert load().depth.model == "tiny"
    fewer = load(None, ["depth.height=112"]).depth
    assert (fewer.model, fewer.height, fewer.width) == ("tiny", 112, 252)


@pytest.mark.slow  # exports the network
def test_without_a_word_the_built_in_network_sees_depth(stereocast: Stereocast, inside: Path):
    result = stereocast("convert", CLIP, "out.mkv", "--config", "cpu", "--json", "report.json")
    assert result.code == 0, result.err
    assert any("depth by tiny at " in line for line in result.err)
    report = json.loads((inside / "report.json").read_text())
    assert report["depth_stage"]["model"] == "tiny"
    assert report["depth_stage"]["runner"].startswith("ONNX Runtime")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("vda-small", "run 'stereocast models pull vda-small'"),
        ("vda-smal", "did you mean 'vda-small'?"),
        ("A/B", "'A/B' cannot name a model"),
    ],
)
@pytest.mark.parametrize("command", ["convert", "live"])
def test_a_model_that_is_not_here_is_one_line_and_leaves_nothing(
    stereocast: Stereocast, inside: Path, command: str, model: str, reason: str
):
    where = ["out.mkv"] if command == "convert" else ["--seconds", "5"]
    result = stereocast(command, CLIP, *where, "--model", model)
    assert result.code == 1
    assert reason in result.err[-1]
    assert sum(line.startswith("stereocast:") for line in result.err) == 1
    assert not list(inside.glob("*.mkv"))


def test_the_quality_profile_asks_for_its_weights(stereocast: Stereocast, inside: Path):
    result = stereocast("convert", CLIP, "out.mkv", "--config", "cpu-quality")
    assert result.code == 1
    assert "stereocast models pull vda-small" in result.err[-1]


def test_an_imported_network_converts_a_clip(stereocast: Stereocast, inside: Path):
    network(inside / "toy.onnx")
    imported = stereocast(
        "models", "import", "toy.onnx", "--name", "toy", "--output", "relative-inverse",
        "--normalise", "0..1",
    )  # fmt: skip
    assert imported.code == 0, imported.err
    depth, report = _convert(stereocast, inside, "toy")
    assert depth.shape == (6, 108, 192)
    assert depth.std() > 0.05
    assert report["depth_stage"]["model"] == "toy"
    assert report["depth_stage"]["grid"] == [160, 256]
    assert "toy takes pictures of 160×256" in report["notes"]


def test_fastdepth_sees_depth_in_a_clip(stereocast: Stereocast, inside: Path, data: Path):
    path = data / "models" / "fastdepth_pruned_fp32.onnx"
    stereocast(
        "models", "import", path, "--name", "fastdepth", "--output", "metric-depth",
        "--normalise", "0..1",
    )  # fmt: skip
    depth, report = _convert(stereocast, inside, "fastdepth")
    assert report["depth_stage"]["output"] == "metric-depth"
    assert 0.1 < depth.min() < depth.max() < 100
    assert depth.std() > 0.1
    ground, top = depth[:, -10:].mean(), depth[:, :10].mean()
    assert ground < top  # what stands at our feet is nearer than what is above the horizon


def _convert(
    stereocast: Stereocast, inside: Path, model: str
) -> tuple[np.ndarray, dict[str, object]]:
    result = stereocast(
        "convert", CLIP, "out.mkv", "--model", model, "--depth", "npz:depth.npz",
        "--json", "report.json",
    )  # fmt: skip
    assert result.code == 0, result.err
    with np.load(inside / "depth.npz") as file:
        depth = file["depth"]
    return depth, json.loads((inside / "report.json").read_text())
