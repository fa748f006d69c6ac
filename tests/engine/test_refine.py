"""The refine stage: steadier depth, at the teacher's measure, without a look into the future."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.stage import RefineInput
from stereocast.engine.refine.watch import RefineReading
from tests.refining import DT, GRID, METRIC, RELATIVE, picture, run, stage, surface

BOTH = pytest.mark.parametrize("output", [METRIC, RELATIVE], ids=str)


def noisy(count: int, share: float, seed: int = 1) -> list[tuple[Tensor, Tensor]]:
    """A scene at rest whose depth has independent noise in every pixel of every frame."""
    generator = torch.Generator().manual_seed(seed)
    still, exact = picture(), surface()
    return [(still, exact * (1 + share * torch.randn(GRID, generator=generator)))
            for _ in range(count)]  # fmt: skip


def flicker(maps: list[Tensor]) -> float:
    return float(torch.stack(maps).log().diff(dim=0).abs().mean())


@BOTH
def test_the_first_frame_passes_as_it_is(output) -> None:
    answers, _ = run(stage(output), [(picture(), surface())])
    torch.testing.assert_close(answers[0], surface(), rtol=1e-6, atol=1e-6)


@BOTH
def test_a_constant_teacher_stays_what_it_is(output) -> None:
    answers, _ = run(stage(output), [(picture(), surface())] * 20)
    for answer in answers:
        torch.testing.assert_close(answer, surface(), rtol=1e-5, atol=1e-5)


@BOTH
def test_flat_depth_is_left_alone(output) -> None:
    flat = torch.full(GRID, 3.0)
    answers, _ = run(stage(output), [(picture(), flat)] * 5)
    torch.testing.assert_close(answers[-1], flat, rtol=1e-5, atol=1e-5)


@BOTH
def test_a_noisy_teacher_of_a_still_scene_becomes_steadier_and_truer(output) -> None:
    frames = noisy(40, 0.02)
    answers, _ = run(stage(output), frames)
    raw = [depth for _, depth in frames]
    assert flicker(answers[8:]) < 0.5 * flicker(raw[8:])
    error = (torch.stack(answers[8:]) - surface()).abs().mean()
    assert error < 0.8 * (torch.stack(raw[8:]) - surface()).abs().mean()


def test_wobble_of_a_metric_teachers_scale_becomes_less() -> None:
    generator = torch.Generator().manual_seed(3)
    factors = torch.exp(0.02 * torch.randn(60, generator=generator))
    answers, _ = run(stage(METRIC), [(picture(), surface() * factor) for factor in factors])
    level = torch.stack([answer.log().mean() for answer in answers])
    assert level[10:].diff().abs().mean() < 0.6 * factors[10:].log().diff().abs().mean()


def test_wobble_of_a_relative_teachers_scale_and_shift_becomes_less() -> None:
    generator = torch.Generator().manual_seed(3)
    draws = 0.02 * torch.randn(60, 2, generator=generator)
    raw = [surface() * (1 + scale) + 3 * shift for scale, shift in draws]
    answers, _ = run(stage(RELATIVE), [(picture(), depth) for depth in raw])
    wobble = [torch.stack(maps[15:]).std(dim=0).mean() for maps in (answers, raw)]
    assert wobble[0] < 0.4 * wobble[1]


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_scale_of_a_metric_teacher_is_never_changed(factor) -> None:
    frames = [(rgb, factor * depth) for rgb, depth in noisy(60, 0.02)]
    answers, _ = run(stage(METRIC), frames)
    offset = (answers[-1] / (factor * surface())).log().median()
    assert abs(float(offset)) < 0.005


def test_relative_depth_of_any_scale_and_shift_is_treated_alike() -> None:
    frames = noisy(12, 0.02)
    plain, _ = run(stage(RELATIVE), frames)
    other, _ = run(stage(RELATIVE), [(rgb, 40 * depth - 100) for rgb, depth in frames])
    for first, second in zip(plain, other, strict=True):
        torch.testing.assert_close(40 * first - 100, second, rtol=1e-3, atol=2e-2)


def test_moving_depth_is_followed_along_the_motion() -> None:
    """A pattern that moves right by one cell a frame takes its depth with it."""
    frames = [(picture(shift=2 * i), surface().roll(i, 1).contiguous()) for i in range(20)]
    answers, state = run(stage(METRIC), frames)
    inner = (slice(4, -4), slice(8, -8))
    error = (answers[-1] / frames[-1][1]).log().abs()[inner]
    assert error.mean() < 0.01
    assert state.memory.maps[0, 2][inner].mean() > 1  # with a history, not by restarting


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_the_answer_stays_within_the_bound_of_the_teacher(output, seed) -> None:
    """Whatever comes: noise, jumps, another picture. 0.06 is what may move as a whole."""
    generator = torch.Generator().manual_seed(seed)
    config = RefineConfig(mode="classic")
    refiner = stage(output)
    state = refiner.init()
    for index in range(12):
        rgb = picture(seed if index % 5 else index, shift=3 * index)
        depth = surface() * torch.exp(0.5 * torch.randn(GRID, generator=generator))
        state, answer = refiner.step(state, RefineInput(rgb, depth, DT))
        most = config.bound * (config.trust + 1)
        change = state.memory.maps[0, 0] - state.memory.maps[0, 4]
        if output is METRIC:
            assert change.abs().max() <= most + 0.06 + 1e-5
        assert answer.isfinite().all()


def test_another_scene_that_no_detector_saw_restarts() -> None:
    before = [(picture(1), surface(1))] * 6
    after = [(picture(2), 4 * surface(2))]
    answers, state = run(stage(METRIC), [*before, *after])
    torch.testing.assert_close(answers[-1], 4 * surface(2), rtol=1e-5, atol=1e-5)
    assert RefineReading.of(state.watch.reading).restarted == 1


def test_a_pause_restarts() -> None:
    refiner = stage(METRIC)
    _, state = run(refiner, noisy(6, 0.02))
    depth = surface() * 1.1
    state, answer = refiner.step(state, RefineInput(picture(), depth, torch.tensor([0.3])))
    torch.testing.assert_close(answer, depth, rtol=1e-5, atol=1e-5)


@BOTH
@pytest.mark.parametrize("bad", [torch.nan, -torch.inf])
def test_pixels_that_are_no_numbers_are_filled_from_the_history(output, bad) -> None:
    frames = noisy(6, 0.01)
    frames[4][1][10:20, 10:20] = bad if output is RELATIVE else torch.nan
    answers, _ = run(stage(output), frames)
    hole = answers[4][10:20, 10:20]
    assert answers[4].isfinite().all()
    assert (hole / surface()[10:20, 10:20]).log().abs().mean() < 0.03


@BOTH
def test_a_first_frame_without_any_number_is_survived(output) -> None:
    frames = [(picture(), torch.full(GRID, torch.nan)), *noisy(4, 0.01)]
    answers, _ = run(stage(output), frames)
    assert all(answer.isfinite().all() for answer in answers)
    assert (answers[-1] / surface()).log().abs().mean() < 0.05


@BOTH
def test_a_poisoned_state_resets_in_the_same_frame(output) -> None:
    refiner = stage(output)
    _, state = run(refiner, noisy(5, 0.01))
    state.memory.maps[0, 1, 3, 3] = torch.nan
    state.memory.maps[0, 0, 9, 9] = torch.inf
    answers, state = run(refiner, [(picture(), surface())] * 3, state)
    for answer in answers:
        torch.testing.assert_close(answer, surface(), rtol=1e-4, atol=1e-4)


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"refine\.mode: 'best' is not one of off, classic, net"):
        RefineConfig(mode="best")
    with pytest.raises(ConfigError, match=r"refine\.core: 'gru' is not one of mamba, none"):
        RefineConfig(core="gru")
    with pytest.raises(ConfigError, match=r"refine\.gate must be 2, 3 or 4, got 5"):
        RefineConfig(gate=5)
    with pytest.raises(ConfigError, match=r"refine\.bound must be in \(0, 1\], got 0"):
        RefineConfig(bound=0.0)
