"""The built-in network: one frame after the other equals the clip at once, in every runtime."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.depth.tiny import TinyDepth, TinyStage, TinyStep
from stereocast.engine.depth.tiny.memory import ROWS, row_ages
from stereocast.engine.errors import ConfigError
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.engine.runner import Runner, TorchRunner
from stereocast.engine.stage import tensors_of
from stereocast.export.to_onnx import export_step
from tests.engine.test_stage_laws import SIZE, picture

GRID = (44, 62)
DT = torch.tensor([0.04])


def network() -> TinyDepth:
    """Random weights, those of the memory too, so that a lost frame would show."""
    torch.manual_seed(5)
    made = TinyDepth()
    torch.nn.init.normal_(made.memory.to_out.weight, std=0.3)
    torch.nn.init.normal_(made.memory.age_scores)
    torch.nn.init.normal_(made.answer.weight, std=0.3)
    return made.eval()


@pytest.fixture(scope="module")
def step() -> TinyStep:
    return TinyStep(network(), GRID)


def in_torch(step: TinyStep) -> TorchRunner:
    return TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())


def stream(runner: Runner, frames: list[Tensor]) -> Tensor:
    stage = TinyStage(runner, frame_size=SIZE)
    state, depths = stage.init(), []
    for rgb in frames:
        state, depth = stage.step(state, DepthInput(rgb, DT))
        depths.append(depth)
    return torch.stack(depths)


FRAMES = [picture(1, index) for index in range(12)]


def test_rows_know_their_age():
    assert row_ages(torch.tensor([0])).tolist() == [0] * ROWS
    assert row_ages(torch.tensor([2])).tolist() == [2, 1] + [0] * (ROWS - 2)
    assert row_ages(torch.tensor([10])).tolist() == [2, 1, 8, 7, 6, 5, 4, 3]


def test_a_clip_is_the_fold_of_frames(step: TinyStep):
    generator = torch.Generator().manual_seed(2)
    image = torch.rand(4, 3, *GRID, generator=generator)
    motion = torch.randn(4, 13, 11, 16, generator=generator)
    at_once = step.network.clips(image, motion, 4, torch.tensor([True]))
    at_once = interpolate(at_once, size=GRID, mode="bilinear", align_corners=False)[:, 0]
    state = [torch.zeros(spec.shape, dtype=spec.dtype) for spec in step.input_specs()]
    keys, values, answer = state[3:]
    for index in range(4):
        place = torch.tensor([index])
        depth, key, value, answer = step(
            image[index, None], motion[index, None], row_ages(place), keys, values, answer
        )
        keys.index_copy_(2, place, key[:, :, None])
        values.index_copy_(2, place, value[:, :, None])
        assert torch.allclose(depth, at_once[index], atol=1e-4)
    apart = step.network.clips(image, motion, 4, torch.tensor([False]))
    assert (interpolate(apart, size=GRID)[3, 0] - at_once[3]).abs().max() > 1e-2


def test_depth_is_positive_moves_and_fits_the_frame(step: TinyStep):
    depth = stream(in_torch(step), FRAMES)
    assert depth.shape == (12, *GRID) and depth.min() > 0 and depth.std() > 0
    stage = TinyStage(in_torch(step), frame_size=SIZE)
    assert stage.grid == GRID and stage.to_frame(depth[0]).shape == SIZE


def test_a_reset_equals_a_fresh_stream(step: TinyStep):
    stage = TinyStage(in_torch(step), frame_size=SIZE)
    state = stage.init()
    for rgb in FRAMES:
        state, _ = stage.step(state, DepthInput(255 - rgb, DT))
    buffers = [tensor.data_ptr() for tensor in tensors_of(state)]
    state = stage.reset(state)
    again = []
    for rgb in FRAMES:
        state, depth = stage.step(state, DepthInput(rgb, DT))
        again.append(depth)
    assert torch.equal(torch.stack(again), stream(in_torch(step), FRAMES))
    assert [tensor.data_ptr() for tensor in tensors_of(state)] == buffers


def test_a_still_picture_settles(step: TinyStep):
    depth = stream(in_torch(step), [FRAMES[0]] * 30)
    changes = depth.diff(dim=0).abs().amax((1, 2))
    assert changes[-1] < 0.2 * changes[0]


def test_onnx_runtime_gives_the_depth_of_pytorch(step: TinyStep, tmp_path: Path):
    path = export_step(step, tmp_path / "tiny.onnx", model="tiny")
    assert torch.allclose(
        stream(OnnxRunner(path), FRAMES), stream(in_torch(step), FRAMES), atol=1e-4
    )


def test_half_precision_is_close(step: TinyStep):
    exact, half = (stream(in_torch(each), FRAMES) for each in (step, step.halved()))
    assert (half - exact).abs().mean() < 0.02 * exact.std()
    assert step.input_specs()[0].dtype == torch.float32


def test_a_grid_that_is_too_small_is_refused():
    with pytest.raises(ConfigError, match="at least 32×32, got 28×252"):
        TinyStep(network(), (28, 252))
