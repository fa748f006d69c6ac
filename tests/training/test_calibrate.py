"""Calibration finds the flicker that is there."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.models import Output
from stereocast.engine.refine.reliability import calibration_of
from stereocast.training.calibrate import (
    FEWEST_FRAMES,
    FIRST_SEED,
    calibrate,
    lasting,
    memory_of,
    write,
)
from stereocast.training.scenes import WorldClip
from stereocast.training.teachers import open_teacher


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


@dataclass(frozen=True)
class Lasting:
    """As `Noisy`, with the truth's shape and errors that last: AR(1) of that memory."""

    world: list[Tensor]
    memory: float
    grid: tuple[int, int] = (24, 32)
    output: Output = Output.METRIC_DEPTH

    def init(self) -> tuple[int, Tensor, torch.Generator]:
        drawn = torch.Generator().manual_seed(0)
        return 0, torch.randn(24, 32, generator=drawn), drawn

    def step(self, state, x: DepthInput):
        index, error, drawn = state
        news = torch.randn(24, 32, generator=drawn)
        later = self.memory * error + (1 - self.memory**2) ** 0.5 * news
        return (index + 1, later, drawn), self.world[index] * (1 + 0.02 * error)


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_the_flicker_of_a_noisy_teacher_is_found(noise, tmp_path) -> None:
    """A wall that stays is wrong of a world, but before a camera at rest it does not change."""
    result = calibrate(Noisy(noise), clips=1, frames=24, told=lambda: None)
    assert result.flicker == pytest.approx(0.8 * noise, rel=0.25)  # mean |x| of a normal one
    assert result.memory < 0.2
    document = json.loads(write(result, "noisy", tmp_path).read_text())
    assert document["schema"] == "stereocast/reliability/1"
    assert min(document[name] for name in ("constant", "slope", "change")) >= 0


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_errors_that_last_are_doubted_more(memory) -> None:
    world = WorldClip(FIRST_SEED, 24, 32, camera="static")
    depths = [world.frame(index).depth_m.clamp(0.2, 80) for index in range(24)]
    result = calibrate(Lasting(depths, memory), clips=1, frames=24, told=lambda: None)
    assert result.memory == pytest.approx(memory, abs=0.15)
    sigma = result.reliability.sigma(depths[0].log()[None], torch.full((1, 24, 32), 0.01))
    assert float(sigma.mean()) == pytest.approx(0.8 * 0.02 * lasting(memory), rel=0.5)


def test_memory_is_found_in_differences() -> None:
    sizes = {lag: 0.03 * (1 - 0.9**lag) ** 0.5 for lag in (1, 2, 4, 8, 16)}
    assert memory_of(sizes) == 0.9
    assert memory_of(dict.fromkeys((1, 2, 4), 0.01)) == 0.0


def test_means_of_errors_that_last_are_as_uncertain_as_is_said() -> None:
    drawn = torch.Generator().manual_seed(0)
    error, rows = torch.randn(20_000, generator=drawn), []
    for _ in range(16):
        error = 0.9 * error + (1 - 0.81) ** 0.5 * torch.randn(20_000, generator=drawn)
        rows.append(error)
    means = torch.stack(rows).mean(0)
    assert float(means.std()) == pytest.approx(lasting(0.9) / 4, rel=0.03)
    assert lasting(0.0) == 1


def test_carried_errors_are_found_before_a_moving_camera() -> None:
    """A teacher that is right but for its unit has no errors that change."""
    from stereocast.training.calibrate import seen_by

    world = WorldClip(FIRST_SEED, 48, 64, camera="dolly")

    class Right(Lasting):
        def step(self, state, x: DepthInput):
            index, *rest = state
            return (index + 1, *rest), 3 * self.world[index]

    depths = [world.frame(index).depth_m.clamp(0.2, 80) for index in range(FEWEST_FRAMES)]
    shot = seen_by(Right(depths, 0.0, grid=(48, 64)), FIRST_SEED, "dolly", FEWEST_FRAMES)
    assert shot.differences(8).shape[1] > 100
    assert shot.differences(8)[0].max() < 1e-4


@pytest.mark.parametrize("model", ["prior", "tiny"])
def test_every_built_in_teacher_was_measured_and_can_be_again(model) -> None:
    assert calibration_of(model) is not None
    stage = open_teacher(model, (140, 252))
    result = calibrate(stage, clips=1, frames=FEWEST_FRAMES, told=lambda: None)
    assert 0 < result.flicker < 0.1
