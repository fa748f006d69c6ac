"""Calibration finds the flicker that is there."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.errors import ConfigError
from stereocast.engine.models import Output
from stereocast.runtime.refiner import calibration_of
from stereocast.training.calibrate import calibrate, write
from stereocast.training.calibrate_command import teacher


@dataclass(frozen=True)
class Noisy:
    """A metric teacher that sees a slanted wall whatever is shown, with noise of that share."""

    noise: float
    grid: tuple[int, int] = (24, 32)
    output: Output = Output.METRIC_DEPTH

    def init(self) -> torch.Generator:
        return torch.Generator().manual_seed(0)

    def step(self, state: torch.Generator, x: DepthInput) -> tuple[torch.Generator, Tensor]:
        wall = torch.linspace(2, 4, 32).expand(24, 32)
        return state, wall * (1 + self.noise * torch.randn(24, 32, generator=state))


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_the_flicker_of_a_noisy_teacher_is_found(noise, tmp_path) -> None:
    result = calibrate(Noisy(noise), clips=1, frames=9, told=lambda: None)
    assert result.flicker == pytest.approx(0.8 * noise, rel=0.25)  # mean |x| of a normal one
    document = json.loads(write(result, "noisy", tmp_path).read_text())
    assert document["schema"] == "stereocast/reliability/1"
    assert min(document[name] for name in ("constant", "slope", "change")) >= 0


@pytest.mark.parametrize("model", ["prior", "tiny"])
def test_every_built_in_teacher_was_measured_and_can_be_again(model) -> None:
    assert calibration_of(model) is not None
    result = calibrate(teacher(model), clips=1, frames=8, told=lambda: None)
    assert 0 < result.flicker < 0.1


def test_a_teacher_that_is_not_built_in_is_refused() -> None:
    with pytest.raises(ConfigError, match="'vda' is not built in; prior and tiny are"):
        teacher("vda")
