"""Video-Depth-Anything through the command line, its real architecture with weights by recipe.

What is compared is the whole way (import, export on first use, ONNX Runtime, the depth file) with
the network in PyTorch; that the network is the official one is proved in tests/engine/vda.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.depth.vda import DepthStage
from stereocast.engine.models import Output
from stereocast.runtime.source.synthetic import SyntheticSource
from tests.commands import Stereocast
from tests.engine.vda import recipe

pytestmark = pytest.mark.slow

FRAMES = 5
PORTRAIT = f"testsrc:?size=108x192&fps=25&frames={FRAMES}"
GRID = (126, 70)
SETTINGS = ("--set", "depth.height=70", "--set", "depth.width=126")


@pytest.fixture
def imported(stereocast: Stereocast, inside: Path, monkeypatch: pytest.MonkeyPatch) -> Stereocast:
    """The command line of a user who has a checkpoint of the small model as `mine`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(inside / "cache"))
    table = recipe.network("vits").state_dict()
    torch.save(table, inside / "weights.pth")
    result = stereocast(
        "models", "import", "weights.pth", "--name", "mine", "--output", "relative-inverse"
    )
    assert result.code == 0, result.err
    return stereocast


def test_a_portrait_clip_is_converted_with_the_depth_that_pytorch_computes(
    imported: Stereocast, inside: Path
):
    result = imported(
        "convert", PORTRAIT, "out.mkv", "--model", "mine", *SETTINGS, "--set", "refine.mode=off",
        "--depth", "npz:depth.npz", "--json", "report.json",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert any("exporting mine for 126×70, fp32" in line for line in result.err)
    report = json.loads((inside / "report.json").read_text())
    assert report["frames_out"] == FRAMES
    assert report["depth_stage"]["grid"] == list(GRID)
    assert report["depth_stage"]["runner"].startswith("ONNX Runtime")
    with np.load(inside / "depth.npz") as file:
        depth = file["depth"]
    expected = _in_pytorch()
    assert depth.shape == expected.shape == (FRAMES, 192, 108)
    assert expected.std() > 0.01
    assert np.abs(depth - expected).max() < 1e-4 * max(1.0, float(np.abs(expected).max()))


def test_the_second_run_finds_the_export_and_int8_is_another(imported: Stereocast, inside: Path):
    for precision in ("fp32", "fp32", "int8"):
        result = imported(
            "convert", PORTRAIT, "out.mkv", "--overwrite", "--model", "mine", *SETTINGS,
            "--set", f"depth.precision={precision}",
        )  # fmt: skip
        assert result.code == 0, result.err
    exports = sorted((inside / "cache").rglob("*.onnx"))
    assert len(exports) == 2
    assert exports[1].stat().st_size < 0.5 * exports[0].stat().st_size or (
        exports[0].stat().st_size < 0.5 * exports[1].stat().st_size
    )


def test_a_live_stream_runs_with_it(imported: Stereocast, inside: Path):
    result = imported(
        "live", "testsrc:?size=192x108&fps=5&frames=10", "--model", "mine", *SETTINGS,
        "--seconds", "4", "--address", "ipc://stream", "--json", "live.json",
    )  # fmt: skip
    assert result.code == 0, result.err
    report = json.loads((inside / "live.json").read_text())
    assert report["depth_stage"]["model"] == "mine"


def _in_pytorch() -> np.ndarray:
    network = recipe.network("vits")
    stage = StreamedDepth(
        DepthStage(network, frame_size=(192, 108), grid=GRID), output=Output.RELATIVE_INVERSE
    )
    state, depths = stage.init(), []
    with torch.inference_mode():
        for frame in SyntheticSource(PORTRAIT):
            state, depth = stage.step(state, DepthInput(frame.rgb, torch.tensor([0.04])))
            depths.append(stage.to_frame(depth).clone())
    return torch.stack(depths).numpy()
