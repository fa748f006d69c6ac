"""kernels/refine: the laws of the refiner's arithmetic per pixel."""

from __future__ import annotations

import pytest
import torch

from stereocast.kernels import refine

SIZE = (2, 17, 23)


@pytest.fixture
def maps(generator) -> dict[str, torch.Tensor]:
    def draw(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(SIZE, generator=generator)

    return {
        "history": draw(0, 2), "teacher": draw(0, 2), "variance": draw(0, 1e-3),
        "confidence": draw(0.02, 1), "error": draw(0, 0.1), "length": draw(0, 5),
    }  # fmt: skip


def gains(maps: dict[str, torch.Tensor], **changes: torch.Tensor | int) -> torch.Tensor:
    given = {name: value for name, value in maps.items() if name != "length"}
    return refine.predict(**given | {"frames": torch.ones(2)} | changes)[0]


def test_a_picture_explains_itself_and_what_comes_from_outside_is_not_explained(generator) -> None:
    picture = torch.randint(0, 256, (2, 3, 17, 23), generator=generator).to(torch.uint8)
    inside = torch.ones(SIZE, dtype=torch.bool)
    inside[0, 3, 4] = False
    error = refine.picture_error(picture, picture, inside)
    assert error[0, 3, 4] == 1 and error.sum() == 1


def test_a_change_of_one_level_everywhere_is_an_error_of_one_level() -> None:
    picture = torch.full((2, 3, 17, 23), 100, dtype=torch.uint8)
    error = refine.picture_error(picture + 1, picture, torch.ones(SIZE, dtype=torch.bool))
    torch.testing.assert_close(error, torch.full(SIZE, 1 / 255))


def test_confidence_falls_with_the_error_and_keeps_its_limits(generator) -> None:
    sigma = torch.rand(SIZE, generator=generator).sort(dim=2).values * 0.2
    none = torch.zeros(SIZE)
    certain = refine.confidence(sigma, before=none, history=none)
    assert certain.diff(dim=2).max() <= 0
    assert certain.min() == pytest.approx(0.02) and certain.max() <= 1
    at = refine.confidence(torch.full(SIZE, 0.02), before=none, history=none)
    torch.testing.assert_close(at, torch.full(SIZE, 0.36787944))


def test_confidence_is_smoothed_only_where_there_is_a_history() -> None:
    sigma, before = torch.zeros(SIZE), torch.full(SIZE, 0.5)
    fresh = refine.confidence(sigma, before=before, history=torch.zeros(SIZE))
    old = refine.confidence(sigma, before=before, history=torch.full(SIZE, 3.0))
    assert torch.equal(fresh, torch.ones(SIZE))
    torch.testing.assert_close(old, torch.full(SIZE, 0.6))


def test_gains_keep_their_limits_whatever_comes(maps) -> None:
    for scale in (0.0, 1.0, 1e6):
        gain = gains(maps, variance=maps["variance"] * scale, history=maps["history"] * scale)
        assert gain.min() >= 0.01 and gain.max() <= 0.995


def test_more_trust_in_the_teacher_or_a_worse_history_raises_the_gain(maps) -> None:
    near = maps | {"history": maps["teacher"] + 0.01}
    plain = gains(near)
    assert (gains(near, variance=near["variance"] + 1e-3) >= plain).all()
    assert (gains(near, error=near["error"] + 0.1) >= plain).all()
    assert (gains(near, confidence=torch.ones(SIZE)) >= plain).all()


def test_a_difference_beyond_the_gate_is_news(maps) -> None:
    base = maps | {"variance": torch.zeros(SIZE), "error": torch.zeros(SIZE)}
    calm = gains(base, history=maps["teacher"])
    news = gains(base, history=maps["teacher"] + 1)
    assert (news > calm).all() and news.min() > 0.9
    assert (gains(maps, gate=2) >= gains(maps, gate=4)).all()


def test_the_answer_stays_within_the_limit_and_says_where_it_hit_it(maps) -> None:
    limit = refine.bound(maps["teacher"], maps["confidence"], (0.12, 0.02, 0.3))
    gain, grown = refine.predict(
        **{name: value for name, value in maps.items() if name != "length"},
        frames=torch.ones(2),
    )
    rest = {"grown": grown, "length": maps["length"], "limit": limit}
    answer, _, _, hits = refine.fuse(maps["history"], maps["teacher"], gain=gain * 0.1, **rest)
    assert ((answer - maps["teacher"]).abs() <= limit + 1e-6).all()
    wanted = (1 - gain * 0.1) * (maps["history"] - maps["teacher"])
    assert torch.equal(hits, wanted.abs() > limit) and hits.any()
    trusting, _, length, _ = refine.fuse(
        maps["history"], maps["teacher"], gain=torch.ones(SIZE), **rest
    )
    torch.testing.assert_close(trusting, maps["teacher"])
    assert length.max() == 0


def test_a_correction_of_nothing_changes_nothing(maps) -> None:
    limit = torch.full(SIZE, 0.1)
    given = {"grown": maps["variance"], "gain": torch.full(SIZE, 0.3), "length": maps["length"]}
    plain = refine.fuse(maps["history"], maps["teacher"], limit=limit, **given)
    zero = torch.zeros(2, 2, 17, 23)
    corrected = refine.fuse(maps["history"], maps["teacher"], limit=limit, correction=zero, **given)
    for first, second in zip(plain[:3], corrected[:3], strict=True):
        torch.testing.assert_close(first, second)


def test_near_things_may_move_by_two_centimetres() -> None:
    near = torch.full(SIZE, 0.1).log()
    limit = refine.bound(near, torch.ones(SIZE), (0.12, 0.02, 1.0))
    torch.testing.assert_close(limit, torch.full(SIZE, 0.2))


def test_features_are_means_of_cells_and_the_last_ones_repeat_the_edge(maps) -> None:
    luma = (torch.full(SIZE, 0.5), torch.full(SIZE, 0.3))
    given = {name: maps[name] for name in ("confidence", "error", "length")}
    planes = refine.features(maps["teacher"], maps["history"], luma=luma, **given)
    assert planes.shape == (2, refine.FEATURES, 5, 6)
    torch.testing.assert_close(planes[:, 0, 0, 0], maps["teacher"][:, :4, :4].mean((1, 2)))
    torch.testing.assert_close(planes[:, 1, 4, 0], maps["confidence"][:, 16, :4].mean(1))
    torch.testing.assert_close(planes[:, 6], torch.full((2, 5, 6), 0.5))
    torch.testing.assert_close(planes[:, 7], torch.full((2, 5, 6), 1.0))


def test_a_weighted_median_is_the_value_at_half_the_weight() -> None:
    values = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    weights = torch.tensor([[1.0, 1.0, 1.0], [5.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    assert refine.weighted_median(values, weights).tolist() == [2.0, 3.0, 0.0]


def test_arguments_that_do_not_fit_are_refused(maps) -> None:
    with pytest.raises(ValueError, match=r"predict: 'error' must be \[2, 17, 23\], got \[1, 3\]"):
        gains(maps, error=torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"predict needs a gate of \[2, 3, 4\], got 5"):
        gains(maps, gate=5)
    with pytest.raises(TypeError, match="picture_error needs two uint8 pictures"):
        refine.picture_error(*[torch.zeros(1, 3, 4, 4)] * 2, torch.ones(1, 4, 4).bool())
