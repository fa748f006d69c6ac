"""The background memory as a stage: static scenes, cuts, pans, the law of state."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from stereocast.engine.stage import prime, tensors_of
from stereocast.engine.stereo.global_motion import GlobalMotion
from stereocast.engine.stereo.memory import Background, BackgroundMemory, MemoryInput, MemoryState
from stereocast.kernels.fill import fill_holes
from stereocast.kernels.warp import warp_with_disparity

SIZE = (97, 161)
FAR_PX, NEAR_PX = -4.0, 8.0
GAIN = -1.0


def texture(height: int, width: int, seed: int) -> Tensor:
    """Return a picture u8 [3, height, width] with detail of two pixels and of twelve."""
    generator = torch.Generator().manual_seed(seed)
    layers = [
        share * interpolate(
            torch.rand(1, 3, height // cell + 2, width // cell + 2, generator=generator),
            size=(height, width), mode="bilinear", align_corners=False,
        )[0]
        for cell, share in ((2, 0.4), (12, 0.6))
    ]  # fmt: skip
    return (sum(layers, torch.zeros(3, height, width)) * 255).to(torch.uint8)


def frame(ground: Tensor, column: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the left eye, its disparity and the true right eye: a bar before a flat wall."""
    left, disparity = ground[:, :, 20:-20].clone(), torch.full(SIZE, FAR_PX)
    right = ground[:, :, 20 + int(FAR_PX) : ground.shape[2] - 20 + int(FAR_PX)].clone()
    if column is not None:
        left[:, 20:80, column : column + 24] = 230
        disparity[20:80, column : column + 24] = NEAR_PX
        right[:, 20:80, column - int(NEAR_PX) : column - int(NEAR_PX) + 24] = 230
    return left.contiguous(), disparity, right.contiguous()


def run(
    memory: BackgroundMemory, state: MemoryState, ground: Tensor, column: int | None
) -> tuple[MemoryState, Background, Tensor, Tensor]:
    """Return the new state, the background, the right view after recalling, and its disparity."""
    left, disparity, _ = frame(ground, column)
    state, background = memory.step(state, MemoryInput(left, disparity))
    view, view_disparity = warp_with_disparity(left, disparity, gain=GAIN)
    memory.recall(background, view, view_disparity, gain=GAIN)
    return state, background, view, view_disparity


def psnr(made: Tensor, truth: Tensor) -> float:
    error = (made.double() - truth.double()).square().mean().item()
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def test_a_hole_behind_a_moving_object_shows_what_was_there():
    ground = texture(SIZE[0], SIZE[1] + 40, seed=1)
    memory = BackgroundMemory(SIZE)
    state = memory.init()
    for column in range(30, 72, 3):
        state, _, view, view_disparity = run(memory, state, ground, column)
    left, disparity, truth = frame(ground, column)
    blind, blind_disparity = warp_with_disparity(left, disparity, gain=GAIN)
    holes = torch.isneginf(blind_disparity)
    holes[:, :8] = False  # beyond the frame of the left eye: nobody saw that
    recalled = holes & ~torch.isneginf(view_disparity)
    assert recalled.sum() >= 0.95 * holes.sum() > 500
    assert torch.equal(view[:, recalled], truth[:, recalled])
    filled = fill_holes(blind, torch.isneginf(blind_disparity), blind_disparity)
    assert psnr(filled[:, recalled], truth[:, recalled]) < 25


def test_after_a_cut_nothing_of_the_old_scene_appears():
    memory = BackgroundMemory(SIZE)
    used, fresh = memory.init(), memory.init()
    for column in range(30, 72, 3):
        used, *_ = run(memory, used, texture(SIZE[0], SIZE[1] + 40, seed=1), column)
    used = prime(used, memory.init())
    other = texture(SIZE[0], SIZE[1] + 40, seed=2)
    for column in range(72, 81, 3):
        used, _, *old = run(memory, used, other, column)
        fresh, _, *new = run(memory, fresh, other, column)
        assert all(torch.equal(a, b) for a, b in zip(old, new, strict=True))


def test_a_cut_that_nobody_announced_is_not_recalled():
    ground, other = (texture(SIZE[0], SIZE[1] + 40, seed=seed) for seed in (1, 2))
    memory = BackgroundMemory(SIZE)
    state = memory.init()
    for column in range(30, 72, 3):
        state, *_ = run(memory, state, ground, column)
    left, disparity, _ = frame(other, 72)
    blind = warp_with_disparity(left, disparity, gain=GAIN)
    _, _, *view = run(memory, state, other, 72)
    assert all(torch.equal(a, b) for a, b in zip(view, blind, strict=True))


def test_state_keeps_its_shapes_and_buffers():
    ground = texture(SIZE[0], SIZE[1] + 40, seed=1)
    memory = BackgroundMemory(SIZE)
    state = memory.init()
    before = [(t.shape, t.dtype) for t in tensors_of(state)]
    colour = state.plate.colour.data_ptr()
    for column in (30, 33):
        state, *_ = run(memory, state, ground, column)
    assert [(t.shape, t.dtype) for t in tensors_of(state)] == before
    assert state.plate.colour.data_ptr() == colour


def test_fills_settle_only_while_the_background_rests():
    memory = BackgroundMemory(SIZE)
    ground = texture(SIZE[0], SIZE[1] + 40, seed=1)
    state, fill = memory.init(), memory.init_fill()
    holes = torch.zeros(SIZE, dtype=torch.bool)
    holes[10:30, 10:30] = True
    values = []
    for index, value in enumerate((40, 60, 60)):
        shown = ground if index < 2 else ground.roll(-9, 2)
        state, background, *_ = run(memory, state, shown, None)
        view = torch.full((3, *SIZE), value, dtype=torch.uint8)
        fill = memory.settle(fill, background, view, holes)
        values.append(view[0, 15, 15].item())
    assert values == [40, (11 * 40 + 5 * 60 + 8) // 16, 60]


def followed(shifts: list[tuple[float, float]], *, noise: float = 0.0) -> list[float]:
    """Return how far GlobalMotion is off, px, after each frame of a camera at `shifts`."""
    fine = 4
    generator = torch.Generator().manual_seed(3)
    wall = texture(fine * 110, fine * 230, seed=3).float()
    wall = avg_pool2d(wall[None], 2 * fine + 1, 1, fine)[0]
    motion, followed_to = GlobalMotion((80, 160)), torch.zeros(2)
    state, off = motion.init(), []
    for x, y in shifts:
        column, row = round(fine * x), round(fine * y)
        left = wall[:, row : row + fine * 80 : fine, column : column + fine * 160 : fine]
        left = left + noise * torch.randn(left.shape, generator=generator)
        left = left.clamp(0, 255).to(torch.uint8).contiguous()
        state, moved = motion.step(state, left, torch.zeros(80, 160))
        followed_to += moved.shift
        off.append((followed_to - torch.tensor([x, y])).abs().max().item())
    return off


def test_a_resting_camera_is_exactly_at_rest():
    assert set(followed([(0.0, 0.0)] * 12, noise=4.0)) == {0.0}


@pytest.mark.parametrize("speed", [(0.25, 0.0), (1.25, 0.5), (6.0, 1.0)])
def test_a_pan_is_followed_within_a_pixel_or_so(speed):
    path = [(speed[0] * index, speed[1] * index) for index in range(10)]
    assert max(followed(path, noise=2.0)) <= 1.5


def test_a_picture_without_texture_is_not_trusted():
    motion = GlobalMotion((80, 160))
    blank = torch.full((3, 80, 160), 90, dtype=torch.uint8)
    state, _ = motion.step(motion.init(), blank, torch.zeros(80, 160))
    _, moved = motion.step(state, blank, torch.zeros(80, 160))
    assert not moved.trust
    assert not moved.shift.any()
