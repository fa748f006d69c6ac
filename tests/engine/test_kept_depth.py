"""A session's depth on request: of this frame, at its size, and safe from the frames after it."""

from __future__ import annotations

import torch

from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.frame import Frame
from stereocast.engine.models import Output
from stereocast.engine.session import DepthConfig, Session

SIZE = (63, 95)


def frames(count: int) -> list[Frame]:
    generator = torch.Generator().manual_seed(2)
    coarse = torch.rand(1, 3, 8, 12, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=SIZE, mode="bicubic")[0].clamp(0, 1)
    rgb = (255 * smooth).to(torch.uint8)
    return [
        Frame(rgb.roll(3 * index, dims=2).contiguous(), index * 40_000_000, index)
        for index in range(count)
    ]


def test_depth_is_there_only_when_it_is_asked_for():
    session, (first, second) = Session(SIZE), frames(2)
    assert session.step(first).depth is None
    depth = session.step(second, keep_depth=True).depth
    assert depth is not None
    assert (depth.shape, depth.dtype) == (SIZE, torch.float32)
    assert session.depth_output is Output.RELATIVE_INVERSE


def test_asking_changes_no_picture_and_no_state():
    plain, asked = Session(SIZE), Session(SIZE)
    for frame in frames(5):
        expected = plain.step(frame).surface
        assert torch.equal(asked.step(frame, keep_depth=True).surface, expected)


def test_later_frames_do_not_touch_a_depth_that_was_handed_out():
    session = Session(SIZE)
    kept = [session.step(frame, keep_depth=True).depth for frame in frames(6)]
    copies = [depth.clone() for depth in kept if depth is not None]
    for frame in frames(6):
        session.step(frame)
    session.reset()
    assert len({depth.data_ptr() for depth in kept if depth is not None}) == 6
    assert all(torch.equal(a, b) for a, b in zip(kept, copies, strict=True))


def test_it_is_the_depth_of_the_stage_at_the_frames_size():
    grid = DepthConfig().grid_for(SIZE)
    stage, frame = PriorDepth(grid, frame_size=SIZE), frames(1)[0]
    _, depth = stage.step(stage.init(), DepthInput(frame.rgb, torch.zeros(1)))
    kept = Session(SIZE).step(frame, keep_depth=True).depth
    assert kept is not None
    torch.testing.assert_close(kept, stage.to_frame(depth))  # the first one is not refined
    assert 0 <= float(kept.min()) < float(kept.max()) <= 1
