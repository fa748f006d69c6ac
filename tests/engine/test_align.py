"""Co-alignment: unknown scales and shifts are found, exactly where the depth allows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from stereocast.engine.depth.align import AlignConfig, align_clip, co_align, merge
from stereocast.engine.depth.robust import Loss
from stereocast.engine.depth.snippets import Snippet, snippets

GRID = (23, 37)
SQUARES = AlignConfig(loss=Loss.SQUARES)


def scene(frames: int) -> Tensor:
    """A smooth random depth that drifts to the right, float64 [frames, h, w] in about [0, 1]."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(1, 1, 5, 6, generator=generator, dtype=torch.float64)
    still = torch.nn.functional.interpolate(coarse, size=GRID, mode="bicubic")[0, 0]
    return torch.stack([still.roll(2 * frame, dims=1) for frame in range(frames)])


class Network:
    """A depth network whose every answer has another scale and shift, and some noise."""

    def __init__(self, truth: Tensor, *, noise: float = 0.0) -> None:
        self.truth, self.noise = truth, noise
        self.generator = torch.Generator().manual_seed(7)
        self.scales: list[float] = []

    def __call__(self, snippet: Snippet) -> Tensor:
        scale, shift = (0.5 + 2 * torch.rand(2, generator=self.generator)).tolist()
        self.scales.append(scale)
        maps = self.truth[list(snippet)]
        noise = self.noise * torch.randn(maps.shape, generator=self.generator)
        return (scale * (maps + noise) - shift).float()


def error(depth: Tensor, truth: Tensor) -> float:
    """RMSE after one scale and shift for the whole clip: what alignment cannot know."""
    columns = torch.stack((depth.double().flatten(), torch.ones(depth.numel())), 1).double()
    fit = torch.linalg.lstsq(columns, truth.flatten()[:, None]).solution
    return float((columns @ fit - truth.flatten()[:, None]).square().mean().sqrt())


@pytest.mark.parametrize("loss", list(Loss))
@pytest.mark.parametrize("frames", range(1, 13))
def test_frames_in_are_frames_out_and_exact_without_noise(frames, loss):
    truth = scene(frames)
    depth = align_clip(Network(truth), frames, dilations=(1, 3), config=AlignConfig(loss=loss))
    assert depth.shape == truth.shape
    assert depth.dtype == torch.float32
    assert error(depth, truth) < 1e-6


def test_scales_are_the_inverse_of_what_was_applied_and_keep_the_gauge():
    truth, plan = scene(9), snippets(9, dilations=(1, 2))
    network = Network(truth)
    found = co_align([network(snippet) for snippet in plan], plan, config=SQUARES)
    product = found.scale * torch.tensor(network.scales)
    assert torch.allclose(product, product.mean().expand_as(product), rtol=1e-5)
    assert float(found.scale.mean()) == pytest.approx(1)
    assert float(found.shift.mean()) == pytest.approx(0, abs=1e-9)


def test_no_small_change_of_scale_or_shift_is_better(generator):
    """The solution is the minimum of the quantity that the module names."""
    truth, plan = scene(8), snippets(8, dilations=(1, 2))
    network = Network(truth, noise=0.1)
    depths = [network(snippet) for snippet in plan]
    config = AlignConfig(loss=Loss.SQUARES, border_px=0, stride=1)
    found = co_align(depths, plan, config=config)

    def cost(scale: Tensor, shift: Tensor) -> float:
        copies: dict[int, list[Tensor]] = {}
        for s, t, maps, snippet in zip(scale, shift, depths, plan, strict=True):
            for frame, depth in zip(snippet, maps.double(), strict=True):
                copies.setdefault(frame, []).append(s * depth + t)
        stacks = (torch.stack(stack) for stack in copies.values())
        return sum(float((stack - stack.mean(0)).square().sum()) for stack in stacks)

    best = cost(found.scale, found.shift)
    for _ in range(20):
        scale_step, shift_step = 1e-3 * torch.randn(2, len(plan), generator=generator).double()
        moved = (
            found.scale + scale_step - scale_step.mean(),
            found.shift + shift_step - shift_step.mean(),
        )
        assert cost(*moved) > best


def with_wrong_patch(depths: list[Tensor], plan: tuple[Snippet, ...]) -> list[Tensor]:
    """Some snippets see a moving thing far too near, in a fifth of the picture.

    Of the copies of every frame at most a third are wrong.
    """
    spoilt = [maps.clone() for maps in depths]
    for number in (3, 7, 17):
        for maps, frame in zip(spoilt[number], plan[number], strict=True):
            maps[4:17, 3 + frame : 16 + frame] += 3 * maps.std()
    return spoilt


@pytest.mark.parametrize("loss", [Loss.HUBER, Loss.TUKEY])
def test_robust_weights_beat_least_squares_where_something_moves(loss):
    truth, plan = scene(14), snippets(14, dilations=(1, 2))
    network = Network(truth, noise=0.01)
    depths = with_wrong_patch([network(snippet) for snippet in plan], plan)
    errors = {}
    for tried in (Loss.SQUARES, loss):
        config = AlignConfig(loss=tried, border_px=0, stride=1)
        alignment = co_align(depths, plan, config=config)
        errors[tried] = error(merge(depths, plan, alignment, config=config), truth)
    assert errors[loss] < errors[Loss.SQUARES] / (2 if loss is Loss.HUBER else 5)


def test_a_flat_snippet_changes_nothing_and_breaks_nothing():
    truth, plan = torch.full((5, *GRID), 0.3, dtype=torch.float64), snippets(5)
    depths = [truth[list(snippet)].float() for snippet in plan]
    found = co_align(depths, plan)
    assert torch.allclose(found.scale, torch.ones(len(plan), dtype=torch.float64))
    assert torch.allclose(merge(depths, plan, found), truth.float(), atol=1e-6)


def test_the_unit_of_depth_does_not_matter():
    truth, plan = scene(7), snippets(7)
    depths = [Network(truth, noise=0.02)(snippet) for snippet in plan]
    plain = co_align(depths, plan)
    tiny = co_align([maps * 1e-5 for maps in depths], plan)
    assert torch.allclose(plain.scale, tiny.scale, rtol=1e-5)
    assert torch.allclose(plain.shift, tiny.shift * 1e5, rtol=1e-4, atol=1e-6)


def test_a_ridge_draws_scales_to_one():
    truth, plan = scene(9), snippets(9)
    network = Network(truth, noise=0.05)
    depths = [network(snippet) for snippet in plan]
    spreads = [
        float(co_align(depths, plan, config=AlignConfig(ridge=ridge)).scale.std())
        for ridge in (0.0, 0.1, 100.0)
    ]
    assert spreads[0] > spreads[1] > spreads[2]
    assert spreads[2] < 0.01


def test_predictions_that_do_not_fit_the_plan_are_refused():
    with pytest.raises(ValueError, match="needs maps of shape"):
        align_clip(lambda snippet: torch.zeros(2, *GRID), 5)
    with pytest.raises(ValueError, match="as many predictions"):
        co_align([], snippets(4))


@pytest.mark.parametrize(("case", "bar"), [("rd_case0", 1e-6), ("rd_case1", 0.006)])
@pytest.mark.parametrize("loss", list(Loss))
def test_the_original_is_beaten_on_its_own_clips(golden: Path, case, bar, loss):
    """Inputs made for RollingDepth's aligner, which reaches 0.0128 and 0.0118."""
    with np.load(golden / "stereo" / f"{case}.npz") as clip:
        truth = torch.from_numpy(clip["truth"]).double()
        dilations = clip["dilations"].tolist()
        plan = snippets(len(truth), dilations=dilations)
        found = [torch.from_numpy(clip[f"snippets{n}"][:, :, 0]) for n in range(len(dilations))]
        theirs = torch.from_numpy(clip["merged"][:, 0])
    depths = [maps for snippets_of_gap in found for maps in snippets_of_gap]
    config = AlignConfig(loss=loss)
    ours = merge(depths, plan, co_align(depths, plan, config=config), config=config)
    assert error(ours, truth) <= bar < error(theirs, truth) / 1.5
