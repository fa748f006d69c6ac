"""Streaming alignment: it follows drifting scales, does not shrink, and keeps the law of state."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stereocast.engine.depth.align_stream import StreamingAligner
from stereocast.engine.depth.robust import Loss
from stereocast.engine.stage import prime

GRID = (17, 29)


def truth(frame: int) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(1, 1, 5, 6, generator=generator)
    still = torch.nn.functional.interpolate(coarse, size=GRID, mode="bicubic")[0, 0]
    return still.roll(frame, dims=1)


def windows(stage: StreamingAligner, frame: int, *, noise: float = 0.0, drift: float = 0.3):
    """Predictions whose scale and shift drift with time, differently for each dilation."""
    generator = torch.Generator().manual_seed(1000 + frame)
    found = []
    for number, snippet in enumerate(stage.snippets(frame)):
        scale = math.exp(drift * (math.sin(frame / 15 + number) - math.sin(number)))
        maps = torch.stack([truth(seen) for seen in snippet])
        maps += noise * truth(0).std() * torch.randn(maps.shape, generator=generator)
        found.append(scale * maps + 0.3 * math.sin(frame / 11))
    return torch.stack(found)


def stream(stage: StreamingAligner, frames: int, **kind: float) -> list[Tensor]:
    state, depths = stage.init(), []
    for frame in range(frames):
        state, depth = stage.step(state, windows(stage, frame, **kind))
        depths.append(depth.clone())
    return depths


def gain(depth: Tensor, frame: int) -> float:
    """Scale of a depth map over the truth."""
    wanted = truth(frame) - truth(frame).mean()
    return float((wanted * depth).sum() / wanted.square().sum())


def test_a_drifting_scale_is_followed_exactly():
    stage = StreamingAligner(GRID, dilations=(1, 5))
    for frame, depth in enumerate(stream(stage, 60)):
        assert torch.allclose(depth, truth(frame), atol=1e-4)


def test_what_comes_in_unaligned_is_far_off():
    """The test above would pass for nothing if the drift were small."""
    stage = StreamingAligner(GRID)
    raw = windows(stage, 23)[0, -1]
    assert (raw - truth(23)).abs().max() > 0.3


@pytest.mark.parametrize("dilations", [(1,), (1, 5)])
def test_noise_does_not_shrink_the_depth_over_a_long_stream(dilations):
    """Least squares would leave less than a quarter of it after these 300 frames."""
    depths = stream(StreamingAligner(GRID, dilations=dilations), 300, noise=0.1)
    assert gain(depths[-1], 299) == pytest.approx(gain(depths[5], 5), rel=0.12)


def test_a_moving_thing_that_was_wrong_does_not_carry_the_rest_along():
    errors = {}
    for loss in (Loss.SQUARES, Loss.TUKEY):
        stage = StreamingAligner(GRID, dilations=(1,), loss=loss)
        state = stage.init()
        for frame in range(40):
            found = windows(stage, frame, noise=0.01)
            column = frame % 20
            found[:, -1, 3:9, column : column + 6] += 1.5
            state, depth = stage.step(state, found)
        outside = torch.ones(GRID, dtype=torch.bool)
        outside[3:9, column : column + 6] = False
        errors[loss] = float((depth - truth(39))[outside].abs().mean())
    assert errors[Loss.TUKEY] < errors[Loss.SQUARES] / 3


def test_one_bad_snippet_cannot_change_the_scale_by_more_than_a_step_allows():
    stage = StreamingAligner(GRID, dilations=(1,))
    state = stage.init()
    for frame in range(6):
        state, _ = stage.step(state, windows(stage, frame, drift=0))
    before = state.scale.clone()
    state, _ = stage.step(state, 100 * windows(stage, 6, drift=0))
    assert float(state.scale / before) == pytest.approx(0.8)


def test_flat_depth_gives_no_nonsense():
    stage = StreamingAligner(GRID)
    state = stage.init()
    for _ in range(4):
        state, depth = stage.step(state, torch.full((2, 3, *GRID), 0.25))
    assert torch.allclose(depth, torch.full(GRID, 0.25))


def test_a_reset_equals_a_fresh_start():
    stage = StreamingAligner(GRID, dilations=(1, 5))
    state = stage.init()
    for frame in range(30):
        state, _ = stage.step(state, windows(stage, frame))
    state = prime(state, stage.init())
    for frame, fresh in enumerate(stream(stage, 12)):
        state, depth = stage.step(state, windows(stage, frame))
        assert torch.equal(depth, fresh)


def test_a_state_handed_over_continues_identically_and_never_changes_shape():
    first, second = StreamingAligner(GRID), StreamingAligner(GRID)
    whole = stream(first, 20)
    state = first.init()
    shapes = [(t.shape, t.dtype) for t in vars(state).values()]
    for frame in range(20):
        stage = first if frame < 9 else second
        state, depth = stage.step(state, windows(stage, frame))
        assert torch.equal(depth, whole[frame])
    assert [(t.shape, t.dtype) for t in vars(state).values()] == shapes


def test_snippets_end_in_the_newest_frame_and_begin_at_the_first():
    stage = StreamingAligner(GRID, dilations=(1, 10))
    assert stage.snippets(0) == ((0, 0, 0), (0, 0, 0))
    assert stage.snippets(12) == ((10, 11, 12), (0, 2, 12))
    assert stage.snippets(40) == ((38, 39, 40), (20, 30, 40))


@pytest.mark.parametrize("wrong", [{"dilations": (2,)}, {"length": 1}])
def test_impossible_aligners_are_refused(wrong):
    with pytest.raises(ValueError, match="dilation 1 and snippets of 2 frames"):
        StreamingAligner(GRID, **wrong)
