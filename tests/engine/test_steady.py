"""Steadying: jitter of scale and shift goes, real movement stays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.stereo.steady import Steady
from stereocast.kernels.raycast import disparity_px, gallery, raycast

SIZE = (45, 80)
FRAMES = 45


@pytest.fixture(scope="module")
def truth() -> list[Tensor]:
    """Exact disparity of a scene where camera and objects move, 30 fps."""
    height, width = SIZE
    sheets, maps = gallery.paint(64), []
    for index in range(FRAMES):
        seconds = 3 + index / 30
        camera = gallery.camera_at(seconds, height=height, width=width)
        scene = gallery.scene_at(seconds, sheets)
        _, metres, _ = raycast(scene, camera, height=height, width=width)
        eyes = gallery.baseline_m(camera, width)
        disparity = disparity_px(
            metres, camera, baseline_m=eyes, convergence_m=gallery.CONVERGENCE_M
        )
        maps.append(disparity)
    return maps


def steadied(maps: list[Tensor], dt: Tensor | None = None) -> list[Tensor]:
    stage = Steady()
    state, answers = stage.init(), []
    for depth in maps:
        state, answer = stage.step(state, depth, dt)
        answers.append(answer.clone())
    return answers


def jittered(
    maps: list[Tensor], *, scale: float, shift: float, noise: float, seed: int = 1
) -> list[Tensor]:
    g = torch.Generator().manual_seed(seed)
    spread = float(maps[0].max() - maps[0].min())
    return [
        (1 + scale * torch.randn((), generator=g)) * depth
        + shift * spread * torch.randn((), generator=g)
        + noise * spread * torch.randn(depth.shape, generator=g)
        for depth in maps
    ]


def scales(maps: list[Tensor], truth: list[Tensor]) -> Tensor:
    """Return the least-squares scale of each map against the truth."""
    pairs = zip(maps, truth, strict=True)
    centred = [(a - a.mean(), b - b.mean()) for a, b in pairs]
    return torch.stack([(a * b).sum() / b.square().sum() for a, b in centred])


def rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())


def test_four_fifths_of_the_jitter_between_frames_go(truth):
    raw = jittered(truth, scale=0.02, shift=0.005, noise=0.01)
    before, after = scales(raw, truth), scales(steadied(raw), truth)
    assert rms(before.diff()) > 0.02
    assert rms(after.diff()) < 0.2 * rms(before.diff())
    assert rms(after - 1) < rms(before - 1)


def test_it_works_from_the_second_frame_on(truth):
    starts = truth[:4], truth[10:14], truth[20:24], truth[30:34], truth[40:44]
    before, after = [], []
    for seed, start in enumerate(starts):
        raw = jittered(start, scale=0.02, shift=0.005, noise=0.01, seed=seed)
        before.append(scales(raw, start).diff())
        after.append(scales(steadied(raw), start).diff())
    assert rms(torch.cat(after)) < 0.35 * rms(torch.cat(before))


def test_without_jitter_real_movement_passes_unchanged(truth):
    spread = float(truth[0].max() - truth[0].min())
    for before, after in zip(truth, steadied(truth), strict=True):
        assert (after - before).abs().max() < 0.005 * spread


@pytest.mark.parametrize("dt", [None, torch.tensor([1 / 24]), torch.tensor([1 / 60])])
def test_an_exact_zoom_passes_without_lag(truth, dt):
    zoom = [truth[0] * 1.005**index for index in range(60)]
    answers = steadied(zoom, dt)
    error = [
        float((a - b).abs().max() / (b.max() - b.min())) for a, b in zip(answers, zoom, strict=True)
    ]
    assert max(error) < 0.01, "before its speed is known: two frames of it at most"
    assert max(error[30:]) < 0.001


def test_a_lasting_change_of_scale_comes_through(truth):
    still = jittered([truth[0]] * 30 + [1.1 * truth[0]] * 60, scale=0.01, shift=0.0, noise=0.0)
    found = scales(steadied(still), [truth[0]] * 90)
    assert float(found[-20:].mean()) == pytest.approx(1.1, abs=0.015)
    assert float(found.max()) < 1.16


def test_another_scene_is_taken_over_at_once(truth):
    other = truth[0].flip(1) * 3 + 40
    assert torch.equal(steadied([truth[0], other])[1], other)


def test_its_answers_follow_the_unit_of_the_maps(truth):
    raw = jittered(truth[:12], scale=0.02, shift=0.005, noise=0.01)
    answers, scaled = steadied(raw), steadied([1000 * depth - 300 for depth in raw])
    for answer, other in zip(answers, scaled, strict=True):
        assert torch.allclose((other + 300) / 1000, answer, atol=1e-3)


@pytest.mark.parametrize("flat", [torch.zeros(17, 23), torch.full((17, 23), 5.0)])
def test_maps_without_depth_pass_unchanged(flat):
    assert all(torch.equal(answer, flat) for answer in steadied([flat] * 4))


def test_the_answer_may_overwrite_the_map(truth):
    raw = jittered(truth[:3], scale=0.02, shift=0.005, noise=0.01)
    expected = steadied(raw)
    stage = Steady()
    state = stage.init()
    for depth, wanted in zip(raw, expected, strict=True):
        state, answer = stage.step(state, depth, out=depth)
        assert answer is depth
        assert torch.equal(depth, wanted)
