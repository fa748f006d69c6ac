"""Depth of every second frame on buffers that never move: the pictures of eager execution."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.depth.keyed import KeyedDepth
from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.frame import Frame
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.session import EngineConfig, Session
from stereocast.engine.stage import tensors_of
from stereocast.engine.static import Place
from tests.engine.test_executors import CPU, SIZE, clip

GRID = (28, 42)


def keyed(place: Place | None, mode: str = "classic") -> Session:
    stage = KeyedDepth(PriorDepth(GRID, frame_size=SIZE))
    return Session(SIZE, EngineConfig(refine=RefineConfig(mode=mode)), depth=stage, place=place)


def run(session: Session, frames: list[Frame], first: int = 0) -> list[tuple[Tensor, float]]:
    made = []
    for frame in frames:
        marks: list[str] = []
        between = (frame.index + first) % 2 == 1
        stereo = session.step(frame, may_move_depth=between, mark=marks.append)
        assert marks == ["depth", "refine", "warp"]
        made.append((stereo.surface.clone(), stereo.facts["cut"]))
    return made


@pytest.mark.parametrize("length", [2, 3])
@pytest.mark.parametrize("mode", ["off", "classic"])
def test_it_agrees_with_eager_execution_whichever_frame_a_cut_is_in(length, mode):
    """Of scenes of three frames the second one begins with a frame that was to be moved."""
    frames = clip(1, 2, 3, frames=length)
    eager, static = run(keyed(None, mode), frames), run(keyed(CPU, mode), frames)
    assert [cut for _, cut in static] == [cut for _, cut in eager]
    assert sum(cut for _, cut in eager) == 2
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(static, eager, strict=True))


def test_a_moved_frame_differs_from_an_estimated_one():
    frames = clip(1, frames=4)
    moved, every = run(keyed(CPU), frames), keyed(CPU)
    estimated = [every.step(frame).surface.clone() for frame in frames]
    assert torch.equal(moved[0][0], estimated[0])
    assert not all(torch.equal(a, b) for (a, _), b in zip(moved[1:], estimated[1:], strict=True))


def test_no_buffer_moves_when_a_frame_is_done_again():
    session = keyed(CPU)
    run(session, clip(1, frames=2))
    before = [tensor.data_ptr() for tensor in tensors_of(session._state)]
    run(session, clip(2, 3, frames=3), first=1)
    assert session.cuts > 0
    assert [tensor.data_ptr() for tensor in tensors_of(session._state)] == before
