"""The geometric prior: its cues point the right way, and it is steady."""

from __future__ import annotations

import math

import pytest
import torch

from stereocast.engine.depth.prior import PriorDepth, PriorNetwork
from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.runner import TensorSpec, TorchRunner

GRID = (42, 56)


def depth_of(image: torch.Tensor) -> torch.Tensor:
    return PriorNetwork(*GRID)(image)


def test_lower_in_the_picture_is_nearer():
    depth = depth_of(torch.full((3, *GRID), 0.5))
    assert (depth.diff(dim=0) > 0).all()
    assert 0 <= depth.min() < depth.max() <= 1


def test_saturated_is_nearer_than_hazy_in_the_same_row():
    image = torch.full((3, *GRID), 0.6)
    image[0, :, :28] = 0.2
    depth = depth_of(image)
    assert (depth[:, 8] > depth[:, 48]).all()


def test_sharp_is_nearer_than_blurred_in_the_same_row(generator):
    image = torch.full((3, *GRID), 0.5)
    image[:, :, :28] += 0.4 * (torch.rand(GRID[0], 28, generator=generator) - 0.5)
    depth = depth_of(image)
    assert depth[:, 4:24].mean() > depth[:, 32:52].mean()


def test_depth_follows_a_change_smoothly_and_takes_the_first_frame_at_once(generator):
    stage = PriorDepth(GRID, smoothing_s=0.2)
    first, second = (
        torch.randint(0, 256, (3, 90, 120), dtype=torch.uint8, generator=generator)
        for _ in range(2)
    )
    dt = torch.tensor([0.04])
    state, depth = stage.step(stage.init(), DepthInput(first, dt))
    start = depth.clone()
    state, depth = stage.step(state, DepthInput(second, dt))
    once = (depth - start).abs().mean()
    for _ in range(60):
        state, depth = stage.step(state, DepthInput(second, dt))
    whole = (depth - start).abs().mean()
    assert float(once / whole) == pytest.approx(1 - math.exp(-0.2), rel=0.02)


def test_a_runner_refuses_what_its_network_does_not_take():
    spec = TensorSpec("image", (3, *GRID))
    runner = TorchRunner(
        PriorNetwork(*GRID), inputs=(spec,), outputs=(TensorSpec("inverse_depth", GRID),)
    )
    with pytest.raises(ValueError, match=r"needs the inputs \['image'\]"):
        runner.run({})
    with pytest.raises(ValueError, match=r"'image' is torch\.float32"):
        runner.run({"image": torch.zeros(3, 4, 4)})


def test_a_runner_keeps_its_output_buffers(generator):
    runner = TorchRunner(
        PriorNetwork(*GRID),
        inputs=(TensorSpec("image", (3, *GRID)),),
        outputs=(TensorSpec("inverse_depth", GRID),),
    )
    images = torch.rand(2, 3, *GRID, generator=generator)
    first = runner.run({"image": images[0]})["inverse_depth"]
    address, values = first.data_ptr(), first.clone()
    second = runner.run({"image": images[1]})["inverse_depth"]
    assert second.data_ptr() == address
    assert not torch.equal(second, values)
