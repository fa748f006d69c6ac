"""`stereocast convert --depth …`: as many maps as pictures, and nothing left when it fails."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.runtime.cli import app

SOURCE = "testsrc:?size=192x108&fps=25&frames=5"


def convert(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["convert", SOURCE, *map(str, arguments)])


def test_every_frame_has_its_depth_beside_the_3d_file(tmp_path: Path):
    report = tmp_path / "report.json"
    result = convert(
        tmp_path / "out.mkv", "--depth", "npz", "--depth", f"png16:{tmp_path / 'maps'}",
        "--json", report,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"{tmp_path / 'out_depth.npz'}: depth as npz" in result.stdout
    with np.load(tmp_path / "out_depth.npz") as file:
        assert file["depth"].shape == (5, 108, 192)
        assert file["pts_ns"].tolist() == [frame * 40_000_000 for frame in range(5)]
        assert file["depth"].std() > 0.1
    assert len(list((tmp_path / "maps").glob("*.png"))) == 5
    facts = json.loads(report.read_text())
    assert facts["frames_out"] == 5
    assert set(facts["depth"].values()) == {"npz", "png16"}
    assert facts["stages_ms"]["depth file"]["p50"] > 0


def test_without_asking_there_is_no_depth(tmp_path: Path):
    assert convert(tmp_path / "out.mkv").exit_code == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mkv"]


def test_a_product_that_cannot_be_made_stops_the_conversion_before_it_begins(tmp_path: Path):
    result = convert(tmp_path / "out.mkv", "--depth", f"npz:{tmp_path}/no/depth.npz")
    assert isinstance(result.exception, EncodeError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["jpeg", "depth.npz", ""])
def test_an_unknown_format_is_refused_with_those_that_are_known(tmp_path: Path, text: str):
    result = convert(tmp_path / "out.mkv", "--depth", text)
    assert isinstance(result.exception, ConfigError)
    assert "npz, png16, exr, mkv" in str(result.exception)
