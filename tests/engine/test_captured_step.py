"""CapturedStep, the executor of GPUs, by graphs that are recorded and replayed on the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.depth.keyed import KeyedDepth
from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.tiny import TinyDepth, TinyStage, TinyStep
from stereocast.engine.depth.tiny.step import AGES, IMAGE, MOTION
from stereocast.engine.frame import Frame
from stereocast.engine.graph import CapturedStep
from stereocast.engine.runner import TorchRunner
from stereocast.engine.session import Session
from stereocast.engine.stage import tensors_of
from stereocast.engine.static import Place
from stereocast.engine.tensorrt_runner import TensorRTRunner
from stereocast.kernels import native
from tests.engine.test_executors import SIZE, clip
from tests.fake_tensorrt import installed
from tests.graphs_on_cpu import Graph, emulated

pytestmark = pytest.mark.skipif(native.serving() is None, reason="wants the native kernels")
GRID = (28, 42)


def session(place: Place | None, graphs: int = 1) -> Session:
    depth = KeyedDepth(PriorDepth(GRID, frame_size=SIZE))
    made = Session(SIZE, depth=depth, place=place)
    if graphs != 1:
        assert place is not None
        made._executor = CapturedStep(made._pipeline, place, frame_size=SIZE, graphs=graphs)
    return made


def run(made: Session, frames: list[Frame], *, moved: bool = False) -> list[Tensor]:
    return [
        made.step(frame, may_move_depth=moved and frame.index % 2 == 1).surface.clone()
        for frame in frames
    ]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("graphs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_replays_give_the_pictures_of_eager_execution_through_a_cut(monkeypatch, graphs):
    frames = clip(1, 2)
    expected = run(eager := session(None), frames)
    place, captured = emulated(monkeypatch)
    made = session(place, graphs)
    assert same(run(made, frames), expected)
    assert made.cuts == eager.cuts == 1
    assert [graph.replays for graph in captured] == [len(frames) // graphs] * graphs


def test_every_kind_of_step_is_captured_once_and_they_share_one_state(monkeypatch):
    """The second scene begins in a frame that was to be moved: it is done again."""
    frames = clip(1, 2)
    expected = run(session(None), frames, moved=True)
    place, captured = emulated(monkeypatch)
    made = session(place)
    assert same(run(made, frames, moved=True), expected)
    assert made.cuts == 1
    assert len(captured) == 2
    assert [graph.replays for graph in captured] == [4, 3]


@pytest.mark.slow
def test_a_kind_that_comes_later_finds_the_state_where_two_graphs_left_it(monkeypatch):
    """Frames 1 and 2 are moved: the state is settled after one graph of two, and taken up again."""
    frames = clip(1, frames=6)
    moved = [False, True, True, False, False, False]
    eager = session(None)
    expected = [
        eager.step(frame, may_move_depth=between).surface.clone()
        for frame, between in zip(frames, moved, strict=True)
    ]
    place, captured = emulated(monkeypatch)
    made = session(place, graphs=2)
    ours = [
        made.step(frame, may_move_depth=between).surface.clone()
        for frame, between in zip(frames, moved, strict=True)
    ]
    assert same(ours, expected)
    assert len(captured) == 4


@pytest.mark.slow
def test_a_reset_needs_no_new_graph_and_moves_nothing(monkeypatch):
    place, captured = emulated(monkeypatch)
    made = session(place)
    first = run(made, clip(1))
    places = [tensor.data_ptr() for tensor in tensors_of(made._state)]
    made.reset()
    assert same(run(made, clip(1)), first)
    assert [tensor.data_ptr() for tensor in tensors_of(made._state)] == places
    assert len(captured) == 1


def test_a_value_read_on_the_host_while_capturing_is_an_error(monkeypatch):
    """The double sees it, as a GPU would."""
    emulated(monkeypatch)
    with pytest.raises(AssertionError, match="the host reads a value"), torch.cuda.graph(Graph()):
        bool(torch.ones(1))


@pytest.mark.slow
def test_a_plan_is_part_of_the_graph_and_bound_before_it(monkeypatch, tmp_path):
    machine, step = installed(monkeypatch), TinyStep(TinyDepth(), (32, 48))
    path = machine.plan(tmp_path, step, "tiny")
    runner = TensorRTRunner(path, device=torch.device("cpu"), passing=(IMAGE, MOTION, AGES))
    plain = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    frames = clip(1, 2)
    expected = run(Session(SIZE, depth=TinyStage(plain, frame_size=SIZE)), frames)
    place, captured = emulated(monkeypatch)
    made = Session(SIZE, depth=TinyStage(runner, frame_size=SIZE), place=place)
    first = run(made, frames[:1])
    bound = [call for call in machine.calls if call[0] == "address"]
    del machine.calls[:]
    assert same(first + run(made, frames[1:]), expected)
    assert len(bound) == len(runner.inputs) + len(runner.outputs)
    assert machine.calls == [], "a replay calls no TensorRT"
    assert captured[0].replays == len(frames)
