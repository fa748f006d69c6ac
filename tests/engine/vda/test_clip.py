"""The sequence form over whole clips: windows, alignment, cross-fade, and one map per frame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from stereocast.engine.depth import vda
from stereocast.engine.depth.vda import clip as clip_module
from stereocast.engine.depth.vda.folding import fold
from stereocast.engine.depth.vda.preprocess import network_size, normalise, to_frame, to_input
from stereocast.engine.depth.vda.stitch import (
    FADE,
    KEY_SLOTS,
    STRIDE,
    Stitcher,
    cross_fade,
    scale_shift,
)
from tests.engine.vda import recipe
from tests.engine.vda.pictures import SIZE, arrays, assert_within_gates, clip, planar

INPUT_SIZE = 28


@pytest.mark.parametrize("length", [1, 2, 11, 21, 22, 23, 32, 33, 44, 45, 54, 55, 67])
def test_as_many_maps_as_frames(tiny, length):
    depth = vda.infer_clip(tiny, clip(length), input_size=INPUT_SIZE)
    assert depth.shape == (length, *SIZE)
    assert torch.isfinite(depth).all() and depth[-1].std() > 0


def test_no_frames_give_no_maps(tiny):
    assert vda.infer_clip(tiny, clip(1)[:0], input_size=INPUT_SIZE).shape == (0, *SIZE)


def official(network, frames: Tensor, *, metric: bool = False) -> Tensor:
    """The official algorithm as it is told: lists of whole windows, everything recomputed."""
    grid = network_size(SIZE, INPUT_SIZE)
    images = normalise(to_input(planar(frames), grid))
    length = len(images)
    padding = (STRIDE - length % STRIDE) % STRIDE + 10
    images = torch.cat((images, images[-1:].expand(padding, -1, -1, -1)))
    result: list[Tensor] = []
    previous, anchors = images[:32], torch.empty(0)
    for start in range(0, length, STRIDE):
        window = images[start : start + 32]
        if start:
            window = torch.cat((previous[list(KEY_SLOTS)], window[10:]))
        previous = window
        with torch.no_grad():
            depth = to_frame(network(window), SIZE)
        if start:
            scale, shift = scale_shift(depth[:2], anchors)
            if not metric:
                depth = (depth * scale.float() + shift.float()).clamp_min(0)
            result[-FADE:] = cross_fade(torch.stack(result[-FADE:]), depth[2:10])
            result += list(depth[10:])
            anchors = torch.stack((anchors[0], depth[12]))
        else:
            result += list(depth)
            anchors = depth[[0, 12]]
    return torch.stack(result[:length])


@pytest.mark.parametrize("metric", [False, True])
def test_one_pass_equals_the_algorithm_as_it_is_told(tiny, metric):
    frames = clip(60)
    depth = vda.infer_clip(tiny, frames, input_size=INPUT_SIZE, metric=metric)
    assert (depth - official(tiny, frames, metric=metric)).abs().max() <= 2e-4


def test_a_metric_network_is_not_rescaled():
    network = recipe.assemble(recipe.TINY, recipe.state_dict(recipe.TINY), metric=True)
    frames = clip(40)
    unasked = vda.infer_clip(network, frames, input_size=INPUT_SIZE)
    asked = vda.infer_clip(network, frames, input_size=INPUT_SIZE, metric=True)
    assert torch.equal(unasked, asked)
    relative = vda.infer_clip(recipe.network("tiny"), frames, input_size=INPUT_SIZE)
    assert torch.equal(relative[:24], unasked[:24])
    assert not torch.allclose(relative[30:], unasked[30:], atol=1e-3)


def test_frames_are_read_and_encoded_once_and_not_far_ahead(tiny, monkeypatch):
    encoded, read = [], 0

    def counted(folded, frames, grid, encode=clip_module._encode) -> Iterator[list[Tensor]]:
        for taps in encode(folded, frames, grid):
            encoded.append(1)
            yield taps

    def pictures() -> Iterator[Tensor]:
        nonlocal read
        for frame in planar(clip(70)):
            read += 1
            yield frame

    monkeypatch.setattr(clip_module, "_encode", counted)
    for index, _ in enumerate(vda.infer_frames(tiny, pictures(), input_size=INPUT_SIZE)):
        assert read <= index + 32
    assert (index + 1, len(encoded)) == (70, 70)


def test_places_apart_do_not_change_a_window(tiny, monkeypatch):
    """The temporal block runs over a few places at a time only to save memory."""
    images = to_input(planar(clip(4)), (28, 28))
    network = fold(tiny, (28, 28))
    with torch.no_grad():
        at_once = network(images)
        monkeypatch.setattr("stereocast.engine.depth.vda.attention._CHUNK_VALUES", 1)
        one_by_one = network(images)
    assert (at_once - one_by_one).abs().max() <= 1e-5


def test_clips_that_do_not_fit_are_refused(tiny):
    for wrong in (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(2, 8, 8, 3)):
        with pytest.raises(ValueError, match="frames must be u8"):
            vda.infer_clip(tiny, wrong)


def test_scale_and_shift_are_recovered(generator):
    truth = torch.rand(37, 51, generator=generator)
    scale, shift = scale_shift((truth - 0.7) / 2.5, truth)
    assert (float(scale), float(shift)) == pytest.approx((2.5, 0.7), abs=1e-6)


def test_a_constant_prediction_is_left_alone():
    scale, shift = scale_shift(torch.full((4, 4), 0.5), torch.rand(4, 4))
    assert (float(scale), float(shift)) == (1.0, 0.0)


def test_float64_sums_do_not_cancel(generator):
    """Far from zero, the determinant of float32 sums is mostly rounding."""
    prediction = 1000 + torch.rand(200, 200, generator=generator)
    target = 2 * prediction.double() - 1990
    scale, _ = scale_shift(prediction, target)
    rough, _ = scale_shift(prediction, target, dtype=torch.float32)
    assert abs(float(scale) - 2) < 1e-6 < abs(float(rough) - 2)


def test_a_cross_fade_begins_with_the_old_and_ends_with_the_new():
    faded = cross_fade(torch.zeros(FADE, 2, 3), torch.ones(FADE, 2, 3))
    assert torch.allclose(faded[:, 0, 0], torch.arange(8) / 7)
    assert (faded[0] == 0).all() and (faded[7] == 1).all()


def test_windows_of_other_scale_are_brought_together():
    """The same scene, told by three windows in three units, comes out in that of the first."""
    scene = torch.rand(80, 5, 6) + 1
    stitcher, result, held = Stitcher(), [], list(range(32))
    for number, (scale, shift) in enumerate([(1, 0), (0.4, 0.3), (2.5, -0.2)]):
        frames = held
        result += list(stitcher.add(lambda s, f=frames, a=scale, b=shift: a * scene[f[s]] + b))
        start = STRIDE * (number + 1)
        held = [held[slot] for slot in KEY_SLOTS] + list(range(start + 10, start + 32))
    result += list(stitcher.finish())
    assert len(result) == 76
    assert (torch.stack(result) - scene[:76]).abs().max() <= 1e-5


# --- against the official program -----------------------------------------------------------------


def test_alignment_golden(golden):
    file = arrays(golden / "vda" / "align_utils.npz")
    found = torch.stack(scale_shift(file["pred"], file["target"]))
    assert (found - file["scale_shift_f64"]).abs().max() <= 1e-5
    rough = torch.stack(scale_shift(file["pred"], file["target"], dtype=torch.float32))
    assert (rough - file["scale_shift_f64"]).abs().max() <= 1e-3
    assert torch.allclose(cross_fade(file["pre"], file["post"]), file["blended"], atol=1e-6)


@pytest.mark.parametrize("alignment", [torch.float32, torch.float64])
def test_clip_golden(alignment, golden):
    """The gate from the frames is 2e-3; ours is that of equal inputs."""
    file = arrays(golden / "vda" / "vits_video54.npz")
    network = recipe.network("vits")
    depth = vda.infer_clip(network, file["frames"], input_size=70, alignment=alignment)
    assert_within_gates(depth, file["depth"], maximum=5e-5, mean=2.5e-6)


def test_window_inside_a_clip_golden(golden):
    """Window 1 before its alignment, and the scale and shift that align windows 1 and 2."""
    file = arrays(golden / "vda" / "vits_video54.npz")
    network, grid = recipe.network("vits"), tuple(file["net_hw"].tolist())
    folded, found, anchors = fold(network, grid), [], torch.empty(0)
    for number, (window, _) in enumerate(
        clip_module._windows(folded, planar(file["frames"]), grid)
    ):
        raw = clip_module._window_depth(folded, window, grid)
        if number == 1:
            assert_within_gates(raw, file["raw_net_depth_window1"], maximum=5e-5, mean=2.5e-6)
        full = to_frame(raw, (90, 160))
        if number:
            scale, shift = scale_shift(full[:2], anchors)
            found.append(torch.stack((scale, shift)))
            full = (full * scale.float() + shift.float()).clamp_min(0)
        anchors = torch.stack((anchors[0] if number else full[0], full[12]))
    assert (torch.stack(found) - file["scale_shift_f64"]).abs().max() <= 1e-3
