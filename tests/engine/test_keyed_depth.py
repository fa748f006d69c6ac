"""engine/depth/keyed: estimated in key frames, moved in between, under the law of state."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.depth.keyed import KeyedDepth
from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.frame import Frame
from stereocast.engine.session import DepthConfig, EngineConfig, Session
from stereocast.engine.stage import tensors_of

SIZE, GRID = (72, 128), (36, 64)
DT = torch.tensor([0.04])


def textured(shift_px: int) -> Tensor:
    """A picture u8 [3, H, W] that pans to the right."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.randint(0, 256, (3, SIZE[0] // 4, SIZE[1] // 4 + 8), generator=generator)
    wide = coarse.to(torch.uint8).repeat_interleave(4, 1).repeat_interleave(4, 2)
    return wide[:, :, 32 - shift_px : 32 - shift_px + SIZE[1]].contiguous()


@pytest.fixture
def stage() -> KeyedDepth:
    return KeyedDepth(PriorDepth(GRID, frame_size=SIZE, smoothing_s=0.15))


def test_without_frames_in_between_it_is_its_own_stage(stage: KeyedDepth) -> None:
    alone = PriorDepth(GRID, frame_size=SIZE, smoothing_s=0.15)
    state, other = stage.init(), alone.init()
    for shift in range(4):
        state, depth = stage.step(state, DepthInput(textured(shift), DT))
        other, wanted = alone.step(other, DepthInput(textured(shift), DT))
        assert torch.equal(depth, wanted)


def test_in_between_depth_moves_with_the_picture(stage: KeyedDepth) -> None:
    state, depth = stage.step(stage.init(), DepthInput(textured(0), DT))
    # A map that only the stage's memory can know, so that nothing is estimated anew.
    state.depth.copy_(torch.linspace(0, 1, GRID[1]).expand(GRID))
    before = state.depth.clone()
    state, depth = stage.step(state, DepthInput(textured(8), DT, is_between=True))
    # 8 pixels of the picture are 4 cells of the grid.
    inner = (slice(8, -8), slice(12, -12))
    expected = torch.roll(before, 4, dims=1)
    assert (depth[inner] - expected[inner]).abs().max() < 1.5 / GRID[1]
    assert (depth[inner] - before[inner]).abs().mean() > 2 / GRID[1]


def test_a_still_picture_keeps_its_depth_to_the_bit(stage: KeyedDepth) -> None:
    state, depth = stage.step(stage.init(), DepthInput(textured(0), DT))
    before = depth.clone()
    state, depth = stage.step(state, DepthInput(textured(0), DT, is_between=True))
    assert torch.equal(depth, before)


def test_the_stage_is_told_of_all_the_time_that_passed(stage: KeyedDepth) -> None:
    state, _ = stage.step(stage.init(), DepthInput(textured(0), DT))
    state, _ = stage.step(state, DepthInput(textured(0), DT, is_between=True))
    assert state.waited.item() == pytest.approx(0.04)
    state, _ = stage.step(state, DepthInput(textured(0), DT))
    assert state.waited.item() == 0


def test_a_reset_equals_a_fresh_state(stage: KeyedDepth) -> None:
    state, _ = stage.step(stage.init(), DepthInput(textured(0), DT))
    state = stage.reset(state)
    for tensor, fresh in zip(tensors_of(state), tensors_of(stage.init()), strict=True):
        assert torch.equal(tensor, fresh)


def test_a_cut_between_key_frames_is_estimated_all_the_same() -> None:
    config = EngineConfig(depth=DepthConfig(height=GRID[0], width=GRID[1], fit=False))
    stage = KeyedDepth(PriorDepth(GRID, frame_size=SIZE, smoothing_s=0.15))
    keyed, plain = Session(SIZE, config, depth=stage), Session(SIZE, config)
    other = 255 - textured(0).flip(1)
    pictures = [textured(0), textured(0), other]
    for index, rgb in enumerate(pictures):
        frame = Frame(rgb, index * 40_000_000, index)
        moved = keyed.step(frame, may_move_depth=index > 0, keep_depth=True)
        wanted = plain.step(frame, keep_depth=True)
    assert (keyed.cuts, plain.cuts) == (1, 1)
    assert torch.equal(moved.depth, wanted.depth)
