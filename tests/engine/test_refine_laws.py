"""The law of state, held by the refiner alone and by the pipeline that it stands in."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor

from stereocast.engine.frame import Frame
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.session import EngineConfig, Session
from stereocast.engine.stage import tensors_of
from tests.refining import FRAME, GRID, METRIC, RELATIVE, picture, run, stage, surface

BOTH = pytest.mark.parametrize("output", [METRIC, RELATIVE], ids=str)
CLASSIC = EngineConfig(refine=RefineConfig(mode="classic"))


def clip(count: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (picture(seed, shift=index),
         surface(seed) * (1 + 0.02 * torch.randn(GRID, generator=generator)))
        for index in range(count)
    ]  # fmt: skip


@BOTH
def test_a_saved_and_restored_state_continues_bit_for_bit(output) -> None:
    frames = clip(12)
    whole, _ = run(stage(output), frames)
    first, state = run(stage(output), frames[:5])
    file = io.BytesIO()
    torch.save([tensor.clone() for tensor in tensors_of(state)], file)
    file.seek(0)
    other = stage(output)
    restored = other.init()
    for tensor, saved in zip(tensors_of(restored), torch.load(file), strict=True):
        tensor.copy_(saved)
    rest, _ = run(other, frames[5:], restored)
    assert all(torch.equal(a, b) for a, b in zip([*first, *rest], whole, strict=True))


@BOTH
def test_a_reset_equals_a_fresh_stage(output) -> None:
    used = stage(output)
    _, state = run(used, clip(5, seed=1))
    again, _ = run(used, clip(5), used.reset(state))
    fresh, _ = run(stage(output), clip(5))
    assert all(torch.equal(a, b) for a, b in zip(again, fresh, strict=True))


@BOTH
def test_shapes_and_dtypes_of_the_state_never_change(output) -> None:
    refiner = stage(output)
    before = [(tensor.shape, tensor.dtype) for tensor in tensors_of(refiner.init())]
    _, state = run(refiner, clip(3))
    assert [(tensor.shape, tensor.dtype) for tensor in tensors_of(state)] == before


def frames_of(*seeds: int) -> list[Frame]:
    pictures = [picture(seed, shift=index) for seed in seeds for index in range(5)]
    return [Frame(rgb, index * 40_000_000, index) for index, rgb in enumerate(pictures)]


def surfaces(session: Session, frames: list[Frame]) -> list[Tensor]:
    return [session.step(frame).surface.clone() for frame in frames]


def test_a_cut_resets_the_refiner_in_the_same_frame() -> None:
    session = Session(FRAME, CLASSIC)
    after_cut = surfaces(session, frames_of(1, 2))[5:]
    assert session.cuts == 1
    fresh = surfaces(Session(FRAME, CLASSIC), frames_of(1, 2)[5:])
    assert all(torch.equal(a, b) for a, b in zip(after_cut, fresh, strict=True))


def test_a_reset_session_equals_a_fresh_one_in_the_same_buffers() -> None:
    used = Session(FRAME, CLASSIC)
    surfaces(used, frames_of(1))
    addresses = [tensor.data_ptr() for tensor in tensors_of(used._state)]
    used.reset()
    assert [tensor.data_ptr() for tensor in tensors_of(used._state)] == addresses
    again, fresh = surfaces(used, frames_of(2)), surfaces(Session(FRAME, CLASSIC), frames_of(2))
    assert all(torch.equal(a, b) for a, b in zip(again, fresh, strict=True))


def test_a_refined_frame_says_so_in_its_facts() -> None:
    facts = Session(FRAME, CLASSIC).step(frames_of(1)[0]).facts
    said = {name for name in facts if name.startswith("refine_")}
    assert said == {
        "refine_gain", "refine_clamped", "refine_drifting", "refine_anchored", "refine_restarted",
    }  # fmt: skip
    plain = Session(FRAME, EngineConfig(refine=RefineConfig(mode="off"))).step(frames_of(1)[0])
    assert not any(name.startswith("refine_") for name in plain.facts)
