"""The streaming form: its law of state, its policies, and the official program's own streams."""

from __future__ import annotations

import io
import resource
import statistics
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from stereocast.engine.depth.vda import DepthStage, DepthState, MemoryPolicy, StreamingStep
from stereocast.engine.depth.vda.cache import SINK
from stereocast.engine.depth.vda.stage import is_blank
from stereocast.engine.errors import ConfigError
from stereocast.engine.runner import TorchRunner
from stereocast.engine.stage import prime, tensors_of
from tests.engine.vda import recipe
from tests.engine.vda.pictures import GRID, SIZE, arrays, assert_within_gates, clip, planar


def stage_of(network, **memory) -> DepthStage:
    step = StreamingStep(network, GRID)
    runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    return DepthStage.on(runner, frame_size=SIZE, memory=MemoryPolicy(**memory))


def stream(stage: DepthStage, state: DepthState, frames: Tensor) -> tuple[DepthState, list[Tensor]]:
    maps = []
    for frame in frames:
        state, depth = stage.step(state, frame)
        maps.append(depth)
    return state, maps


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture
def stage(tiny) -> DepthStage:
    return DepthStage(tiny, frame_size=SIZE, grid=GRID)


def test_depth_is_on_the_network_grid_and_reaches_the_frame(stage):
    _, depth = stage.step(stage.init(), planar(clip(1))[0])
    assert (depth.shape, depth.dtype, stage.grid) == (GRID, torch.float32, GRID)
    assert stage.to_frame(depth).shape == SIZE


def test_the_grid_follows_the_input_size(tiny):
    assert DepthStage(tiny, frame_size=(90, 160), input_size=28).grid == (28, 56)


def test_the_past_matters(stage):
    frames = planar(clip(6))
    _, maps = stream(stage, stage.init(), frames)
    _, alone = stage.step(stage.init(), frames[5])
    assert (maps[5] - alone).abs().mean() > 0.01


def test_results_outlive_the_next_step(stage):
    frames = planar(clip(3))
    state, first = stage.step(stage.init(), frames[0])
    kept = first.clone()
    stage.step(state, frames[2])
    assert torch.equal(first, kept)


def test_a_reset_equals_a_fresh_stream(stage):
    used, _ = stream(stage, stage.init(), planar(clip(50, seed=1)))
    frames = planar(clip(50, seed=2))
    fresh = stream(stage, stage.init(), frames)[1]
    assert same(stream(stage, stage.reset(used), frames)[1], fresh)


def test_priming_equals_a_reset(stage):
    used, _ = stream(stage, stage.init(), planar(clip(5, seed=1)))
    frames = planar(clip(5, seed=2))
    again = stream(stage, prime(used, stage.init()), frames)[1]
    assert same(again, stream(stage, stage.init(), frames)[1])


def test_a_stream_goes_on_bit_for_bit_from_a_saved_state(tiny, stage):
    frames = planar(clip(50))
    state, _ = stream(stage, stage.init(), frames[:45])
    file = io.BytesIO()
    torch.save(list(tensors_of(state)), file)
    _, went_on = stream(stage, state, frames[45:])
    file.seek(0)
    index, blank, elapsed_s, *rings = torch.load(file, weights_only=True)
    other = DepthStage(tiny, frame_size=SIZE, grid=GRID)
    loaded = DepthState(index, blank, elapsed_s, tuple(rings))
    assert same(stream(other, loaded, frames[45:])[1], went_on)


def test_the_state_keeps_its_buffers_shapes_and_dtypes(stage):
    state = stage.init()
    before = [(tensor.shape, tensor.dtype) for tensor in tensors_of(state)]
    rings = [ring.data_ptr() for ring in state.rings]
    state, _ = stream(stage, state, planar(clip(4)))
    assert [(tensor.shape, tensor.dtype) for tensor in tensors_of(state)] == before
    assert [ring.data_ptr() for ring in state.rings] == rings


HOST_READS = {"item", "_local_scalar_dense", "nonzero", "is_nonzero", "equal"}
MOVES = {"cat", "stack", "index_select", "gather", "index", "roll", "clone", "copy", "_to_copy"}


class Watch(TorchDispatchMode):
    """Fail on host reads, and on joining or gathering as much as a ring holds."""

    def __init__(self, ring_values: int) -> None:
        super().__init__()
        self.ring_values = ring_values
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        self.seen.add(name)
        assert name not in HOST_READS, f"host read: {name}"
        if name in MOVES:
            assert result.numel() < self.ring_values, f"{name} of {tuple(result.shape)}"
        return result


@pytest.mark.parametrize("kind", ["kv", "u"])
def test_no_step_reads_the_host_or_moves_a_window(kind, tiny, monkeypatch):
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # it would hide parts of products
    stage = DepthStage(tiny, frame_size=SIZE, grid=GRID, cache=kind)
    state = stage.init()
    frames = planar(clip(3))
    with Watch(state.rings[0].numel()) as watch:
        stream(stage, state, frames)
    assert {"bmm", "cat", "index_copy_"} <= watch.seen


def test_policies_read_no_host_either(tiny):
    stage = stage_of(tiny, sink="visible", max_rate_hz=30.0)
    state, dt_s = stage.init(), torch.tensor([0.02])
    frames = planar(clip(3))
    with Watch(state.rings[0].numel()):
        for frame in frames:
            state, _ = stage.step(state, frame, dt_s)


def test_frames_that_do_not_fit_are_refused(stage):
    for wrong in (torch.zeros(3, 8, 8, dtype=torch.uint8), torch.zeros(3, *SIZE)):
        with pytest.raises(ValueError, match="this depth stage is for frames u8"):
            stage.step(stage.init(), wrong)


@pytest.mark.slow
def test_two_thousand_frames_cost_no_more_memory_or_time(stage):
    """At most 1 kB a frame after the first 200, and the last frames as fast as the early ones."""
    frames = planar(clip(20))
    state, resident, cpu_s = stage.init(), [], []
    for index in range(2000):
        began = time.process_time()
        state, _ = stage.step(state, frames[index % 20])
        cpu_s.append(time.process_time() - began)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        resident.append(pages * resource.getpagesize())
    slope = (max(resident[-100:]) - max(resident[200:300])) / 1700
    assert slope <= 1000, f"{slope:.0f} bytes a frame"
    early, late = statistics.median(cpu_s[200:500]), statistics.median(cpu_s[-300:])
    assert late <= 1.5 * early


# --- policies -------------------------------------------------------------------------------------


def black(frames: int) -> Tensor:
    return torch.zeros(frames, 3, *SIZE, dtype=torch.uint8)


def title() -> Tensor:
    """White letters on black."""
    frame = black(1)
    frame[..., 10:20, 10:40:3] = 255
    return frame


@pytest.mark.parametrize("opening", [black(3), title()], ids=["black", "title"])
def test_a_stream_begins_again_after_a_blank_opening(tiny, opening):
    stage = stage_of(tiny, sink="visible")
    frames = planar(clip(4))
    _, maps = stream(stage, stage.init(), torch.cat((opening, frames)))
    fresh = stream(stage, stage.init(), frames)[1]
    assert same(maps[len(opening) :], fresh)


def test_officially_the_blank_opening_stays(tiny):
    stage = stage_of(tiny)
    frames = planar(clip(4))
    _, maps = stream(stage, stage.init(), torch.cat((black(3), frames)))
    assert not same(maps[3:], stream(stage, stage.init(), frames)[1])


def test_a_stream_begins_again_only_once(tiny):
    """Black in the middle of a film is a picture like others."""
    visible, official = stage_of(tiny, sink="visible"), stage_of(tiny)
    frames = torch.cat((planar(clip(3)), black(2), planar(clip(3, seed=1))))
    assert same(
        stream(visible, visible.init(), frames)[1], stream(official, official.init(), frames)[1]
    )


def test_pictures_are_not_blank():
    for seed in range(4):
        assert not is_blank(planar(clip(1, seed=seed)).float() / 255)


def rated(stage: DepthStage, frames: Tensor, dt_s: float) -> tuple[DepthState, list[Tensor]]:
    state, maps = stage.init(), []
    for frame in frames:
        state, depth = stage.step(state, frame, torch.tensor([dt_s]))
        maps.append(depth)
    return state, maps


def test_frames_faster_than_the_rate_are_not_remembered(tiny):
    """At 60 Hz with at most 30 remembered, every second frame sees what it would at 30 Hz."""
    stage = stage_of(tiny, max_rate_hz=30.0)
    frames = planar(clip(9))
    fast_state, fast = rated(stage, frames, 1 / 60)
    slow_state, slow = rated(stage, frames[::2], 1 / 30)
    assert int(fast_state.index) == int(slow_state.index) == 5
    assert same(fast[::2], slow)


def test_frames_at_the_rate_are_all_remembered(tiny):
    frames = planar(clip(5))
    limited, official = stage_of(tiny, max_rate_hz=30.0), stage_of(tiny)
    _, maps = rated(limited, frames, 1 / 30)
    assert same(maps, stream(official, official.init(), frames)[1])


def test_a_rate_needs_times(tiny):
    stage = stage_of(tiny, max_rate_hz=30.0)
    with pytest.raises(ValueError, match="needs dt_s"):
        stage.step(stage.init(), planar(clip(1))[0])


def test_impossible_policies_are_refused():
    with pytest.raises(ConfigError, match="'never' is not one of"):
        MemoryPolicy(sink="never")
    with pytest.raises(ConfigError, match="must be > 0"):
        MemoryPolicy(max_rate_hz=0)


# --- against the official program -----------------------------------------------------------------


def official_stream(golden, encoder, file_name, cache) -> None:
    """From frames to depth at the size of the frame, and the cached states where they are given."""
    file = arrays(golden / "vda" / file_name)
    frames = planar(file["frames"])
    stage = DepthStage(
        recipe.network(encoder), frame_size=tuple(frames.shape[2:]), input_size=70, cache=cache
    )
    assert stage.grid == (70, 126)
    state, maps = stage.init(), []
    for index, frame in enumerate(frames):
        state, depth = stage.step(state, frame)
        maps.append(stage.to_frame(depth))
        if cache == "u" and f"cache_f{index}_0" in file:
            row = SINK if index == 0 else index % 42
            for sublayer, ring in enumerate(state.rings):
                wanted = file[f"cache_f{index}_{sublayer}"][:, 0]
                assert (ring[:, row] - wanted).abs().max() <= 5e-5
    # The resize differs from OpenCV's by up to 5e-5, yet the gate of equal inputs holds.
    assert_within_gates(torch.stack(maps), file["depth"], maximum=5e-5, mean=2.5e-6)


@pytest.mark.parametrize("cache", ["kv", "u"])
def test_stream_golden(cache, golden):
    official_stream(golden, "vits", "vits_stream50.npz", cache)


@pytest.mark.slow
def test_base_encoder_stream_golden(golden):
    official_stream(golden, "vitb", "vitb_stream12.npz", "kv")
