"""Rows without positions are exact: both caches equal recomputing the whole window every frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stereocast.bench.upstream import UpstreamStream
from stereocast.engine.depth.vda.architecture import WINDOW
from stereocast.engine.depth.vda.attention import TemporalTransformer
from stereocast.engine.depth.vda.cache import (
    EMPTY,
    NEWEST,
    RING,
    ROWS,
    SINK,
    CachedAttention,
    Window,
    window_rows,
)
from stereocast.engine.depth.vda.folding import fold
from stereocast.engine.depth.vda.stage import DepthStage
from stereocast.engine.depth.vda.step import StreamingStep, halve
from stereocast.engine.errors import ConfigError
from stereocast.engine.runner import TorchRunner
from tests.engine.vda import recipe
from tests.engine.vda.pictures import GRID, SIZE, arrays, clip, planar

FRAMES = 60  # beyond the horizon of 41 frames and once around the ring


def remembered(index: int) -> list[int]:
    """The frame in each slot, by following which row was written when."""
    frame_of = {SINK: 0} | {frame % RING: frame for frame in range(index)} | {NEWEST: index}
    rows = window_rows(torch.tensor([index])).tolist()
    return [frame_of[row] for row in rows if row != EMPTY]


def test_windows_are_the_official_ones():
    for index in range(1, 130):
        contiguous = [max(0, index - 31 + slot) for slot in range(2, WINDOW)]
        assert remembered(index) == [0, max(0, index - 41), *contiguous]


def test_the_first_frame_sees_itself_in_the_first_slot():
    assert window_rows(torch.tensor([0])).tolist() == [NEWEST] + [EMPTY] * 31
    window = Window.of(window_rows(torch.tensor([0])), torch.float32)
    assert window.newest.tolist() == [1.0] + [0.0] * 31


def test_no_window_shows_the_row_that_is_written_in_the_same_step():
    for index in range(130):
        assert index % RING not in window_rows(torch.tensor([index])).tolist()


@pytest.mark.parametrize("kind", ["kv", "u"])
def test_both_caches_equal_recomputing_the_window(kind, tiny64):
    frames = planar(clip(FRAMES))
    reference = UpstreamStream(tiny64, GRID)
    stage = DepthStage(tiny64, frame_size=SIZE, grid=GRID, cache=kind, storage=torch.float64)
    state, worst = stage.init(), 0.0
    for frame in frames:
        state, depth = stage.step(state, frame)
        worst = max(worst, float((depth - reference.step(frame)).abs().max()))
    assert depth.dtype == torch.float64
    assert worst <= 1e-12


@pytest.mark.parametrize("kind", ["kv", "u"])
def test_half_precision_rows_cost_little(kind, tiny):
    exact = DepthStage(tiny, frame_size=SIZE, grid=GRID, cache=kind)
    half = DepthStage(tiny, frame_size=SIZE, grid=GRID, cache=kind, storage=torch.float16)
    exact_state, half_state = exact.init(), half.init()
    assert {ring.dtype for ring in half_state.rings} == {torch.float16}
    for frame in planar(clip(8)):
        exact_state, wanted = exact.step(exact_state, frame)
        half_state, depth = half.step(half_state, frame)
        assert (depth - wanted).abs().mean() <= 1e-3 * wanted.std()


def test_the_u_ring_is_half_as_large(tiny):
    stages = (DepthStage(tiny, frame_size=SIZE, grid=GRID, cache=kind) for kind in ("kv", "u"))
    kv, u = (sum(ring.numel() for ring in stage.init().rings) for stage in stages)
    assert kv == 2 * u


def test_rows_that_would_overflow_saturate(tiny):
    step = StreamingStep(tiny, GRID, storage=torch.float16)
    assert step._stored(torch.tensor([1e6, -1e6, 1.0])).tolist() == [65504.0, -65504.0, 1.0]


def test_unfit_settings_are_refused(tiny):
    with pytest.raises(ConfigError, match="'lru' is not one of kv, u"):
        StreamingStep(tiny, GRID, cache="lru")
    with pytest.raises(ConfigError, match="not float16, float32 or float64"):
        StreamingStep(tiny, GRID, storage=torch.bfloat16)


def test_half_precision_arithmetic_keeps_its_islands(tiny):
    frames = planar(clip(6))
    exact = DepthStage(tiny, frame_size=SIZE, grid=GRID)
    step = halve(StreamingStep(tiny, GRID, storage=torch.float16))
    runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    half = DepthStage.on(runner, frame_size=SIZE)
    exact_state, half_state = exact.init(), half.init()
    for frame in frames:
        exact_state, wanted = exact.step(exact_state, frame)
        half_state, depth = half.step(half_state, frame)
        assert depth.dtype == torch.float32
        assert (depth - wanted).abs().mean() <= 5e-3
    assert tiny.dtype == torch.float32, "the network that was given is untouched"


def test_window_ids_golden(golden):
    expected = arrays(golden / "vda" / "vits_stream50.npz")["window_frame_ids"]
    assert [remembered(index)[:-1] for index in range(1, 51)] == expected.tolist()


def streamed_modules(file, number):
    """The cached states of both sublayers of a temporal module, [positions, 31, C]."""
    for sublayer in range(2):
        name = f"s_cache{number}_{sublayer}"
        if name in file:
            yield file[name]
        else:
            positions, channels = (12, 192) if number == 0 else (6, 384)
            numbers = np.random.default_rng(2000 + 10 * number + sublayer)
            values = numbers.standard_normal((positions, 31, channels))
            yield torch.from_numpy(values.astype(np.float32))


@pytest.mark.parametrize("kind", ["kv", "u"])
def test_streamed_temporal_module_goldens(kind, golden):
    """Every module alone, with 31 given states: they are put where the window looks for them."""
    file = arrays(golden / "vda" / "vits_motion_modules.npz")
    folded = fold(recipe.network("vits"), (70, 126))
    slot_rows = window_rows(torch.tensor([100]))
    window = Window.of(slot_rows, torch.float32)
    for number, module in enumerate(folded.head.motion_modules):
        transformer = module.temporal_transformer
        assert isinstance(transformer, TemporalTransformer)
        cached = [CachedAttention(a, kind) for a in transformer.block.attention_blocks]
        given = list(streamed_modules(file, number))
        seen = []

        def attend(sublayer, hidden, cached=cached, given=given, seen=seen):
            store = cached[sublayer].store
            positions, _, channels = given[sublayer].shape
            rings = [torch.zeros(store.ring_shape(positions, channels)) for _ in store.names]
            for slot in range(31):
                for ring, row in zip(rings, store.rows(given[sublayer][:, slot]), strict=True):
                    ring[..., slot_rows[slot], :] = row
            seen.append(hidden)
            return cached[sublayer](hidden[0], window, rings)[0][None]

        with torch.no_grad():
            result = module(file[f"s_in{number}"][0].transpose(0, 1), attend)
        assert (result.transpose(0, 1)[None] - file[f"s_out{number}"]).abs().max() <= 2e-5
        for sublayer, hidden in enumerate(seen):
            wanted = file[f"s_hid{number}_{sublayer}"]
            assert (hidden.transpose(0, 1) - wanted).abs().max() <= 2e-5
    assert ROWS == RING + 1
