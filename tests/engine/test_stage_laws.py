"""The law of state, held by the whole pipeline: what every later stage has to keep."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.frame import Frame
from stereocast.engine.layout import Layout
from stereocast.engine.session import EngineConfig, Session
from stereocast.engine.stage import tensors_of
from stereocast.engine.stereo import Controls

SIZE = (63, 95)


def picture(seed: int, index: int = 0) -> Tensor:
    """A smooth random picture that drifts to the right by two pixels a frame."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 8, 12, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=SIZE, mode="bicubic")[0]
    texture = torch.rand(3, *SIZE, generator=generator) * 0.15
    drifted = (smooth + texture).clamp(0, 1).roll(2 * index, dims=2)
    return (drifted * 255).to(torch.uint8).contiguous()


def clip(*seeds: int, frames: int = 6) -> list[Frame]:
    """Scenes one after the other, `frames` pictures each, at 25 per second."""
    pictures = [picture(seed, index) for seed in seeds for index in range(frames)]
    return [Frame(rgb, index * 40_000_000, index) for index, rgb in enumerate(pictures)]


def surfaces(session: Session, frames: list[Frame]) -> list[Tensor]:
    return [session.step(frame).surface.clone() for frame in frames]


def test_two_sessions_agree_bit_for_bit():
    frames = clip(1)
    first, second = surfaces(Session(SIZE), frames), surfaces(Session(SIZE), frames)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_reset_equals_a_fresh_session():
    used = Session(SIZE)
    surfaces(used, clip(1))
    used.reset()
    frames = clip(2)
    again, fresh = surfaces(used, frames), surfaces(Session(SIZE), frames)
    assert all(torch.equal(a, b) for a, b in zip(again, fresh, strict=True))


def test_a_cut_resets_every_temporal_state_in_the_same_frame():
    session = Session(SIZE)
    after_cut = surfaces(session, clip(1, 2))[6:]
    assert session.cuts == 1
    fresh = surfaces(Session(SIZE), clip(1, 2)[6:])
    assert all(torch.equal(a, b) for a, b in zip(after_cut, fresh, strict=True))


def test_shapes_and_dtypes_of_the_state_never_change():
    session = Session(SIZE)
    before = [(tensor.shape, tensor.dtype) for tensor in tensors_of(session._state)]
    surfaces(session, clip(1, 2))
    assert [(tensor.shape, tensor.dtype) for tensor in tensors_of(session._state)] == before
    assert all(isinstance(tensor, Tensor) for tensor in tensors_of(session._state))


def test_a_reset_writes_the_fresh_values_into_the_same_buffers():
    session = Session(SIZE)
    surfaces(session, clip(1))
    addresses = [tensor.data_ptr() for tensor in tensors_of(session._state)]
    session.reset()
    assert [tensor.data_ptr() for tensor in tensors_of(session._state)] == addresses
    pairs = zip(tensors_of(session._state), tensors_of(Session(SIZE)._state), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_controls_take_effect_in_the_next_frame_and_gradually():
    frames = clip(1)
    calm, moved = Session(SIZE), Session(SIZE)
    for frame in frames[:3]:
        calm.step(frame)
        moved.step(frame)
    assert torch.equal(calm.step(frames[3]).surface, moved.step(frames[3]).surface)
    kept = calm.step(frames[4]).surface
    changed = moved.step(frames[4], controls=Controls(strength=8)).surface
    assert not torch.equal(kept, changed)
    in_force = moved._state.temporal.stereo.disparity.controls[0]
    assert Controls.strength < in_force < Controls.strength + 0.2


def test_the_barcode_is_only_in_the_packed_picture():
    size = (48, 330)
    frame = Frame(torch.full((3, *size), 90, dtype=torch.uint8), 0, 0)
    plain, stamped = Session(size), Session(size)
    with_strip = stamped.step(frame, strip=(1, 2)).surface
    assert not torch.equal(with_strip, plain.step(frame).surface)
    pairs = zip(tensors_of(stamped._state), tensors_of(plain._state), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("size", [SIZE, (16, 16), (17, 33)])
def test_packed_size_is_what_the_layout_promises(layout, size):
    frame = Frame(torch.zeros(3, *size, dtype=torch.uint8), 0, 0)
    stereo = Session(size, layout=layout).step(frame)
    assert (stereo.height, stereo.width) == layout.packed_size(*size)


def test_stages_are_marked_in_order():
    seen: list[str] = []
    Session(SIZE).step(clip(1)[0], mark=seen.append)
    assert seen == ["depth", "refine", "warp"]


def test_a_frame_of_another_size_is_refused():
    with pytest.raises(ValueError, match="this session is for frames of"):
        Session(SIZE, EngineConfig()).step(Frame(torch.zeros(3, 8, 8, dtype=torch.uint8), 0, 0))
