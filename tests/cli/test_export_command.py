"""`stereocast export`: what is refused before anything is made, and one whole export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from stereocast.engine.depth.vda import network as vda_network
from stereocast.engine.errors import ConfigError, MissingDependency, ModelError, StereocastError
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.runtime.cli import app
from tests.engine.vda import recipe


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def refusal(*arguments: str) -> StereocastError:
    error = CliRunner().invoke(app, ["export", *arguments]).exception
    assert isinstance(error, StereocastError), repr(error)
    return error


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("vda-small",), ModelError, "stereocast models pull vda-small"),
        (("prior", "--random-weights"), ConfigError, "prior is no network that can be exported"),
        (("vda-small", "--grid", "140"), ConfigError, "such as 140x252, not '140'"),
        (("vda-small", "--targets", "sm_89"), ConfigError, "such as 86,89, not 'sm_89'"),
        (("vda-small", "--plan", "--precision", "int8"), ConfigError, "int8 is for CPUs"),
        (("vda-small", "--random-weights", "--weights", "a.pth"), ConfigError, "exclude each"),
    ],
)
def test_impossible_wishes_are_refused_in_one_line(arguments, kind, message):
    error = refusal(*arguments)
    assert isinstance(error, kind)
    assert message in str(error) and "\n" not in str(error)


def test_without_tensorrt_no_export_begins(tmp_path, monkeypatch):
    from stereocast.engine import tensorrt

    def absent() -> None:
        raise ImportError

    monkeypatch.setattr(tensorrt, "_tensorrt_rtx", absent)
    monkeypatch.setattr(tensorrt, "_tensorrt", absent)
    error = refusal("vda-small", "--random-weights", "--plan")
    assert isinstance(error, MissingDependency)
    assert not (tmp_path / "stereocast").exists()


@pytest.mark.slow
def test_a_checkpoint_is_exported_and_verified(tmp_path, monkeypatch):
    """A tiny network under the name of a large one; everything else is the real way."""
    monkeypatch.setitem(vda_network.ARCHITECTURES, "vits", recipe.TINY)
    checkpoint = tmp_path / "tiny.pth"
    torch.save(recipe.state_dict(recipe.TINY), checkpoint)
    threads = torch.get_num_threads()
    report_file, folder = tmp_path / "report.json", tmp_path / "out"
    arguments = ["vda-small", "--weights", str(checkpoint), "--grid", "42x70", "--verify", "4"]
    arguments += ["--out", str(folder), "--json", str(report_file)]
    try:
        result = CliRunner().invoke(app, ["export", *arguments], catch_exceptions=False)
    finally:
        torch.set_num_threads(threads)
    assert result.exit_code == 0
    report = json.loads(report_file.read_text())
    (file,) = report["files"]
    assert file in result.output and Path(file).parent == folder
    assert OnnxRunner(Path(file)).inputs[0].shape == (1, 3, 42, 70)
    assert report["verification"]["max_difference"] < 1e-4
