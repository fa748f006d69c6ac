"""What every executor of a step guarantees; on the CPU the static one, on a GPU the graphs too.

Eager execution on the CPU is the reference. On one device all forms agree bit for bit; a GPU's sums
are in another order, so its pictures are near the CPU's.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from stereocast.bench.depth import random_network
from stereocast.engine.depth import vda
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.eager import EagerStep
from stereocast.engine.errors import ConfigError, DeviceLost
from stereocast.engine.frame import Frame
from stereocast.engine.graph import CapturedStep
from stereocast.engine.graph import device_loss_told as told
from stereocast.engine.models import Output
from stereocast.engine.pipeline import Input
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.runner import TorchRunner
from stereocast.engine.session import EngineConfig, Session
from stereocast.engine.stage import prime, tensors_of
from stereocast.engine.static import Place, copy_state, what_reset_writes
from stereocast.engine.stereo import Controls
from stereocast.kernels import native
from stereocast.kernels.launch import launching
from tests.cuda_on_cpu.launcher import Emulator, Recorder
from tests.fake_device import absent_device, no_host_data

SIZE = (34, 46)
CPU = Place(torch.device("cpu"))
EXECUTORS = ["static", pytest.param("graph", marks=pytest.mark.needs_cuda)]


def made(name: str) -> Session:
    place = CPU if name == "static" else Place(torch.device("cuda"))
    return Session(SIZE, place=place)


def clip(*seeds: int, frames: int = 3) -> list[Frame]:
    """Return textured scenes that drift by two pixels a frame."""
    made = []
    for seed in seeds:
        dice = torch.Generator().manual_seed(seed)
        coarse = torch.rand(1, 3, 5, 7, generator=dice)
        smooth = torch.nn.functional.interpolate(coarse, size=SIZE, mode="bicubic")[0]
        noise = torch.rand(3, *SIZE, generator=dice) * 0.15
        picture = ((smooth + noise).clamp(0, 1) * 255).to(torch.uint8)
        made += [picture.roll(2 * index, dims=2).contiguous() for index in range(frames)]
    return [Frame(rgb, index * 40_000_000, index) for index, rgb in enumerate(made)]


def surfaces(session: Session, frames: list[Frame]) -> list[Tensor]:
    return [session.step(frame).surface.clone().to("cpu") for frame in frames]


def near(a: Tensor, b: Tensor) -> bool:
    """Whether two packed pictures are one but for few pixels at edges."""
    return float(((a.int() - b.int()).abs() > 2).float().mean()) < 0.02


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    """Pictures are tiny: waking threads for them would take longer than the work."""
    native.set_threads(1)


@pytest.mark.parametrize("name", EXECUTORS)
def test_it_agrees_with_eager_execution_through_a_cut(name):
    frames = clip(1, 2)
    eager, other = Session(SIZE), made(name)
    expected, actual = surfaces(eager, frames), surfaces(other, frames)
    same: Callable[[Tensor, Tensor], bool] = torch.equal if name == "static" else near
    assert all(same(a, b) for a, b in zip(actual, expected, strict=True))
    assert eager.cuts == other.cuts == 1


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_cut_equals_a_fresh_session(name):
    session = made(name)
    after_cut = surfaces(session, clip(1, 2))[3:]
    fresh = surfaces(made(name), clip(1, 2)[3:])
    assert all(torch.equal(a, b) for a, b in zip(after_cut, fresh, strict=True))


@pytest.mark.parametrize("name", EXECUTORS)
def test_buffers_never_move(name):
    session = made(name)
    session.step(clip(1)[0])
    state = [tensor.data_ptr() for tensor in tensors_of(session._state)]
    results = {session.step(frame).surface.data_ptr() for frame in clip(1, 2)}
    assert [tensor.data_ptr() for tensor in tensors_of(session._state)] == state
    assert len(results) == 1


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_reset_equals_a_fresh_session(name):
    used = made(name)
    surfaces(used, clip(1))
    used.reset()
    again, fresh = surfaces(used, clip(2)), surfaces(made(name), clip(2))
    assert all(torch.equal(a, b) for a, b in zip(again, fresh, strict=True))


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_state_handed_over_goes_on_as_if_nothing_had_happened(name):
    frames = clip(1, frames=5)
    first, second = made(name), made(name)
    surfaces(first, frames[:3])
    second.step(frames[2])
    with torch.inference_mode():
        prime(second._state, first._state)
    assert torch.equal(surfaces(first, frames[3:4])[0], surfaces(second, frames[3:4])[0])


@pytest.mark.parametrize("name", EXECUTORS)
def test_controls_and_barcode_are_inputs_and_no_part_of_the_program(name):
    size, strips = (48, 330), []
    place = CPU if name == "static" else Place(torch.device("cuda"))
    session, eager = Session(size, place=place), Session(size)
    rgb = torch.full((3, *size), 90, dtype=torch.uint8)
    for index in range(3):
        frame = Frame(rgb, index * 40_000_000, index)
        controls = Controls(strength=float(index))
        ours = session.step(frame, strip=(index, 7 * index), controls=controls).surface.to("cpu")
        theirs = eager.step(frame, strip=(index, 7 * index), controls=controls).surface
        assert torch.equal(ours[:32, :320], theirs[:32, :320])
        strips.append(ours[:32, :320].clone())
    assert not torch.equal(strips[0], strips[1])


def test_the_static_step_holds_no_more_memory_with_every_frame():
    session, frames = made("static"), clip(1, frames=4)
    surfaces(session, frames)
    tracemalloc.start()
    surfaces(session, frames)
    before, _ = tracemalloc.get_traced_memory()
    surfaces(session, frames)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 64 << 10


@pytest.mark.needs_cuda
def test_a_replay_allocates_nothing_and_waits_for_nothing():
    session, frames = made("graph"), clip(1, frames=4)
    surfaces(session, frames)
    executor = session._executor
    torch.cuda.synchronize()
    held = torch.cuda.memory_stats()["allocation.all.allocated"]
    x = executor._static._input
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(100):
            executor.step(type(x)(x.rgb, x.controls, x.dt), mark=lambda _: None)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.cuda.synchronize()
    assert torch.cuda.memory_stats()["allocation.all.allocated"] == held


def streamed_depth(device: torch.device) -> StreamedDepth:
    """Video-Depth-Anything of random weights as a GPU runs it: half precision, hidden states."""
    with torch.device(device if device.type == "meta" else "cpu"):
        step = vda.halve(
            vda.StreamingStep(random_network(), (28, 42), cache="u", storage=torch.float16)
        )
    step = step if device.type == "meta" else step.to(device)
    runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    stage = vda.DepthStage.on(runner, frame_size=SIZE, device=device)
    return StreamedDepth(stage, output=Output.RELATIVE_INVERSE)


@pytest.mark.parametrize("mode", ["off", "classic", pytest.param("vda", marks=pytest.mark.slow)])
def test_a_step_asks_the_host_nothing_and_stays_on_its_device(mode):
    recorder = Recorder()
    with absent_device(), launching(recorder):
        depth = streamed_depth(torch.device("meta")) if mode == "vda" else None
        refine = RefineConfig(mode="classic" if mode == "classic" else "off")
        pipeline = Session(SIZE, EngineConfig(refine=refine), depth=depth)._pipeline
        state = pipeline.init()
        x = Input(torch.zeros(3, *SIZE, dtype=torch.uint8), torch.zeros(4), torch.zeros(1))
        with no_host_data():
            for _ in range(2):
                state, result = pipeline.step(
                    state, x, reset_on=lambda cut, old: old, mark=lambda _: None
                )
    assert {tensor.device.type for tensor in tensors_of(state)} == {"meta"}
    assert result.surface.device.type == "meta"
    assert "stereocast_warp_eyes_u8" in recorder.kernels


@pytest.mark.needs_cuda
def test_a_captured_network_agrees_with_an_eager_one_on_the_same_device():
    """The same algorithms on the same sums; 1e-3 of the spread is what the contract allows."""
    device, frames = torch.device("cuda", 0), clip(1, 2, frames=4)
    place = Place(device)
    with place.entered():
        depth = streamed_depth(device)
    session = Session(SIZE, depth=depth, place=place)
    with place.entered():
        eager = EagerStep(session._pipeline)
    for frame in frames:
        with place.entered():
            x = Input(frame.rgb.to(device), Controls().tensor().to(device), torch.full((1,), 0.04))
        graph = session._executor.step(x, mark=lambda _: None).depth.clone()
        with place.entered():
            expected = eager.step(x, mark=lambda _: None).depth.clone()
        spread = float((expected.amax() - expected.amin()).clamp_min(1e-6))
        assert float((graph - expected).abs().max()) <= 1e-3 * spread


@pytest.mark.slow
def test_a_whole_step_by_emulated_kernels_gives_the_pictures_of_the_native_ones():
    """The launches a GPU would get, with their grids and arguments, in the order of a stream."""
    emulator = Emulator(orders=("forward",))
    frames = clip(1, 2, frames=2)
    place = Place(torch.device("cpu"), emulator)
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            surfaces(Session(SIZE, place=place), frames),
            surfaces(Session(SIZE), frames),
            strict=True,
        )
    )
    assert "stereocast_prime" in emulator.kernels


def test_what_a_reset_writes_is_found_by_doing_it():
    pipeline = Session(SIZE)._pipeline
    state = pipeline.init().temporal
    fresh = what_reset_writes(pipeline, state)
    expected = list(tensors_of(pipeline.init().temporal))
    assert set(fresh) == set(range(len(expected))), "everything small is written"
    assert all(torch.equal(value, expected[index]) for index, value in fresh.items())


def test_new_state_in_old_memory_is_copied_aside_first():
    pipeline = Session(SIZE)._pipeline
    old = pipeline.init()
    swapped = type(old)(type(old.scene)(old.scene.thumb, ~old.scene.seen), old.temporal)
    copy_state(swapped, old)
    assert bool(old.scene.seen)


def test_a_device_that_refuses_everything_ends_the_process_and_memory_does_not():
    with pytest.raises(DeviceLost, match=r"refuses to go on .*illegal memory access"), told():
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nhint")
    with pytest.raises(torch.OutOfMemoryError), told():
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_graphs_are_refused_off_a_cuda_device():
    with pytest.raises(ConfigError, match="captured on a CUDA device, not 1 on cpu"):
        CapturedStep(Session(SIZE)._pipeline, CPU, frame_size=SIZE)
