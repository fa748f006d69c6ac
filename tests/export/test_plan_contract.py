"""What a captured graph needs of TensorRTRunner, proved by a TensorRT that runs on the CPU."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stereocast.engine.depth.tiny import TinyDepth, TinyStage, TinyStep
from stereocast.engine.depth.tiny.step import AGES, IMAGE, KEYS, MOTION
from stereocast.engine.errors import PlanMismatch, StereocastError
from stereocast.engine.frame import Frame
from stereocast.engine.runner import Runner, TorchRunner
from stereocast.engine.session import Session
from stereocast.engine.static import Place
from stereocast.engine.tensorrt import find_tensorrt
from stereocast.engine.tensorrt_runner import TensorRTRunner
from tests import fake_tensorrt
from tests.fake_tensorrt import STREAM, Machine, installed

CPU = torch.device("cpu")
GRID, SIZE = (32, 48), (34, 46)
PASSING = (IMAGE, MOTION, AGES)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return installed(monkeypatch)


@pytest.fixture
def step() -> TinyStep:
    torch.manual_seed(4)
    return TinyStep(TinyDepth(), GRID)


@pytest.fixture
def runner(machine: Machine, step: TinyStep, tmp_path: Path) -> TensorRTRunner:
    path = machine.plan(tmp_path, step, "tiny")
    return TensorRTRunner(path, device=CPU, passing=PASSING)


def inputs(runner: Runner, seed: int) -> dict[str, Tensor]:
    dice = torch.Generator().manual_seed(seed)
    return {
        spec.name: (torch.rand(spec.shape, generator=dice) * 0.5).to(spec.dtype)
        for spec in runner.inputs
    }


def addresses(machine: Machine) -> list[object]:
    return [call[1] for call in machine.calls if call[0] == "address"]


def test_every_tensor_is_bound_once_and_a_call_is_one_enqueue(machine, runner):
    first = inputs(runner, 1)
    runner.run(first)
    bound = addresses(machine)
    assert sorted(bound) == sorted(spec.name for spec in (*runner.inputs, *runner.outputs))
    del machine.calls[:]
    for seed in (2, 3):
        fresh = inputs(runner, seed)
        runner.run({**first, **{name: fresh[name] for name in PASSING}})
    assert machine.calls == [("enqueue", STREAM)] * 2


def test_results_lie_where_they_always_lie_and_are_those_of_torch(runner, step):
    plain = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    places = set()
    given = inputs(runner, 1)
    for seed in (1, 2):
        given |= {name: inputs(runner, seed)[name] for name in PASSING}
        ours, theirs = runner.run(given), plain.run(given)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        places.add(tuple(tensor.data_ptr() for tensor in ours.values()))
    assert len(places) == 1


def test_a_captured_call_is_replayed_on_what_lies_in_its_buffers_then(machine, runner):
    kept, other = inputs(runner, 1), inputs(runner, 2)
    expected = {name: value.clone() for name, value in runner.run(kept).items()}
    runner.run({**kept, **{name: other[name] for name in PASSING}})
    with machine.capturing():
        results = runner.run(kept)
    for value in results.values():
        value.zero_()
    machine.replay()
    assert all(torch.equal(results[name], value) for name, value in expected.items())


def test_what_is_held_may_move_between_streams_but_not_into_a_graph(machine, runner):
    kept, moved = inputs(runner, 1), inputs(runner, 2)  # both alive, so that they lie apart
    runner.run(kept)
    with machine.capturing(), pytest.raises(StereocastError, match="'keys' has moved"):
        runner.run(moved)
    runner.run(moved)
    assert addresses(machine).count(KEYS) == 2


def test_memory_that_tensorrt_cannot_read_is_refused(runner):
    given = inputs(runner, 1)
    odd = torch.zeros(given[KEYS].numel() + 1)[1:].view_as(given[KEYS])
    with pytest.raises(ValueError, match="'keys' must lie at a multiple of 64 bytes"):
        runner.run({**given, KEYS: odd})
    with pytest.raises(ValueError, match="'image' must be on cpu, got meta"):
        runner.run({**given, IMAGE: given[IMAGE].to("meta")})
    with pytest.raises(ValueError, match=r"'keys' is torch\.float32 .* got torch\.float16"):
        runner.run({**given, KEYS: given[KEYS].half()})


def test_a_plan_that_no_graph_can_hold_is_refused_before_it_runs(machine, runner):
    machine.is_capturable = False
    with pytest.raises(StereocastError, match="allocates while it runs"):
        runner.run(inputs(runner, 1))
    assert ("enqueue", STREAM) not in machine.calls


@pytest.mark.parametrize(
    ("capability", "content", "message"),
    [
        (120, None, r"was built for sm_120; this is sm_89\. Rebuild it: stereocast export tiny"),
        (89, b"junk", "was changed or cut short"),
    ],
)
def test_a_plan_of_another_gpu_or_a_damaged_one_is_one_line(
    machine, step, tmp_path, capability, content, message
):
    path = machine.plan(tmp_path, step, "tiny", capability=capability)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlanMismatch, match=message) as refusal:
        TensorRTRunner(path, device=CPU)
    assert "\n" not in str(refusal.value)


def test_a_plan_of_another_grid_than_its_manifest_says_is_refused(machine, step, tmp_path):
    path = machine.plan(tmp_path, step, "tiny")
    other = TinyStep(step.network, (48, 48))
    machine.programs[0] = (other, other.input_specs(), other.output_specs())
    with pytest.raises(PlanMismatch, match="its inputs differ from those of its manifest"):
        TensorRTRunner(path, device=CPU)


def test_a_stream_on_buffers_that_never_move_gives_the_pictures_of_torch(machine, runner, step):
    """The static executor is what a graph captures; a cut, too, leaves every address as it is."""
    plain = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    ours, theirs = (
        Session(SIZE, depth=TinyStage(each, frame_size=SIZE), place=Place(CPU))
        for each in (runner, plain)
    )
    dice = torch.Generator().manual_seed(5)
    scenes = [torch.randint(0, 256, (3, *SIZE), dtype=torch.uint8, generator=dice) for _ in "ab"]
    for index in range(6):
        rgb = scenes[index // 3].roll(index, 2).contiguous()
        frame = Frame(rgb, index * 40_000_000, index)
        assert torch.equal(ours.step(frame).surface, theirs.step(frame).surface)
        if index == 0:
            del machine.calls[:]
    assert ours.cuts == theirs.cuts > 0
    assert set(machine.calls) == {("enqueue", STREAM)}


@pytest.mark.slow
def test_the_double_has_no_method_that_tensorrt_lacks():
    """Read off the installed package, which runs no plan without a GPU."""
    real = find_tensorrt("tensorrt_rtx").module
    pairs = (
        (fake_tensorrt.ExecutionContext, real.IExecutionContext),
        (fake_tensorrt.Engine, real.ICudaEngine),
        (fake_tensorrt.Runtime, real.Runtime),
    )
    for double, genuine in pairs:
        methods = inspect.getmembers(double, inspect.isfunction)
        names = {name for name, _ in methods if not name.startswith("_")}
        assert names <= set(dir(genuine)), genuine
    assert hasattr(real.BuilderFlag, "REQUIRE_USER_ALLOCATION")
    assert real.ILogger.Severity.ERROR != real.ILogger.Severity.INTERNAL_ERROR
