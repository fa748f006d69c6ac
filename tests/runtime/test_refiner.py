"""runtime/refiner: from settings to a stage, with what people are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.errors import ConfigError
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork
from stereocast.engine.refine.off import Unrefined
from stereocast.engine.refine.reliability import SCHEMA, Reliability, calibration_of
from stereocast.engine.refine.stage import RefineInput, TemporalRefiner
from stereocast.engine.refine.weights import load_network, save_network
from stereocast.kernels import native
from stereocast.runtime import refiner
from stereocast.runtime.depth import OpenedDepth
from stereocast.runtime.refiner import open_refiner

PRIOR = OpenedDepth(PriorDepth((16, 24)), "prior", "PyTorch")


def test_off_has_no_network_and_nothing_to_say() -> None:
    opened = open_refiner(RefineConfig(mode="off"), PRIOR)
    assert isinstance(opened.stage, Unrefined)
    assert opened.report() == {"mode": "off", "runner": "", "calibrated": False}


def test_classic_needs_no_file() -> None:
    opened = open_refiner(RefineConfig(mode="classic"), PRIOR)
    assert isinstance(opened.stage, TemporalRefiner) and not opened.notes


@pytest.mark.parametrize(
    ("core", "runner"), [("mamba", "PyTorch, native scan"), ("none", "PyTorch")]
)
def test_the_scan_is_native_where_it_can_be(core, runner, tmp_path, monkeypatch) -> None:
    if native.serving() is None:
        runner = "PyTorch"
    network = RefineNetwork(core)
    save_network(network, tmp_path / "weights.safetensors")
    monkeypatch.setattr(
        refiner, "load_network", lambda core: load_network(core, tmp_path / "weights.safetensors")
    )
    opened = open_refiner(RefineConfig(mode="net", core=core), PRIOR)
    assert opened.runner == runner
    assert bool(opened.notes) == (runner == "PyTorch")  # without an exporter that is second best
    rgb = torch.full((3, 64, 96), 90, dtype=torch.uint8)
    state = opened.stage.init()
    for _ in range(3):
        x = RefineInput(rgb, torch.full((16, 24), 0.5), torch.full((1,), 1 / 30))
        state, depth = opened.stage.step(state, x)
        torch.testing.assert_close(depth, x.depth)


def calibration(folder: Path, **changes: object) -> Path:
    document = {"schema": SCHEMA, "constant": 0.01, "slope": 0.1, "change": 0.4, "own": 0.0}
    (folder / "some.json").write_text(json.dumps(document | changes))
    return folder


def test_a_calibration_is_read_by_the_models_name(tmp_path) -> None:
    folder = calibration(tmp_path)
    assert calibration_of("some", folder) == Reliability(0.01, 0.1, 0.4, 0.0)
    assert calibration_of("other", folder) is None


@pytest.mark.parametrize(
    "changes", [{"schema": "x"}, {"slope": "steep"}, {"slope": None}, {"constant": -1.0}]
)
def test_what_is_no_calibration_is_refused(changes, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"calibration|reliability"):
        calibration_of("some", calibration(tmp_path, **changes))
