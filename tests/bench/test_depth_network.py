"""The bench of a network's own errors: fits, rows and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from stereocast.bench.depth_quality.clips import HeldOut
from stereocast.bench.depth_quality.network_run import COLUMNS, NetworkPlan, draw, fitted, run
from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.errors import ConfigError
from stereocast.engine.models import Output
from stereocast.training.refine_clips import ClipCache, ClipShape

SHAPE = ClipShape(8, 32, 48)
SEED = 950_001


@dataclass
class Exact:
    """A network that knows the truth of one clip, in a scale of its own, with noise on it."""

    inverse: Tensor
    noise: float
    output: Output = Output.RELATIVE_INVERSE
    grid: tuple[int, int] = (32, 48)

    def init(self) -> int:
        return 0

    def reset(self, state: int) -> int:
        return state

    def step(self, state: int, x: DepthInput) -> tuple[int, Tensor]:
        drawn = torch.Generator().manual_seed(state)
        wrong = 1 + self.noise * torch.randn(self.grid, generator=drawn)
        return state + 1, 30 * self.inverse[state] * wrong + 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("held-out")


@pytest.fixture(scope="module")
def inverse(folder) -> Tensor:
    return (-ClipCache(folder, SHAPE).clip(SEED).log_depth).exp()


def plan(folder) -> NetworkPlan:
    return NetworkPlan(HeldOut(folder, SHAPE, 1, SEED), "tiny", {})


def test_scale_and_shift_are_no_errors(folder, inverse) -> None:
    clip = ClipCache(folder, SHAPE).clip(SEED)
    assert (fitted(clip, 30 * inverse + 4) - clip.log_depth).abs().max() < 1e-3


def test_noise_is_found_and_refining_takes_it_away(folder, inverse, tmp_path) -> None:
    told: list[str] = []
    report = run(plan(folder), lambda *_: Exact(inverse, 0.03), told.append)
    rows = report["methods"]
    assert len(told) == plan(folder).steps() and set(rows["tiny"]) == set(COLUMNS)
    assert 0.005 < rows["tiny"]["AbsRel"] < 0.08
    assert rows["classic"]["TGM"] < 0.8 * rows["tiny"]["TGM"]
    assert "| classic |" in report["markdown"]
    clips = plan(folder).held_out.load(lambda: None)
    files = draw(plan(folder), lambda *_: Exact(inverse, 0.03), tmp_path, clips)
    assert len(files) == 2 and all(file.stat().st_size > 200 for file in files)


@pytest.mark.parametrize(
    "stage", [{"output": Output.METRIC_DEPTH}, {"grid": (28, 42)}], ids=["metres", "other grid"]
)
def test_only_inverse_depth_on_the_pictures_grid_is_scored(stage, folder, inverse) -> None:
    with pytest.raises(ConfigError, match="--size chooses another"):
        run(plan(folder), lambda *_: Exact(inverse, 0.0, **stage), lambda _: None)
