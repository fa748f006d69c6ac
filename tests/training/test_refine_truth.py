"""The exact depth in a teacher's measure: what an answer without any fault would be."""

from __future__ import annotations

import torch

from stereocast.engine.refine.scales import MetricScale, RelativeScale
from stereocast.engine.refine.step import Memory, Observation, Refined, Refiner, Tuning
from stereocast.training.refine_truth import in_measure


def streamed(scale, depths: torch.Tensor) -> tuple[list[Memory], list[Refined]]:
    """Refine depth [L, h, w] of a picture at rest."""
    refiner = Refiner(scale, Tuning())
    size = depths.shape[1:]
    memory, memories, refined = refiner.init(1, size), [], []
    still = torch.zeros(1, 2, -(-size[0] // 2), -(-size[1] // 2))
    for depth in depths:
        seen = Observation(
            depth[None], torch.zeros(1, 3, *size, dtype=torch.uint8), still,
            torch.tensor([1 / 30]), torch.ones(1),
        )  # fmt: skip
        memory, answer = refiner.step(memory, seen)
        memories.append(memory)
        refined.append(answer)
    return memories, refined


def exact() -> torch.Tensor:
    """Return log metres [L, 1, h, w] of a slanted wall with a near box."""
    wall = torch.linspace(1.0, 3.0, 32).log().expand(24, 32).clone()
    wall[8:16, 4:12] = 0.5
    return wall.expand(6, 1, 24, 32)


def test_metres_are_compared_with_metres() -> None:
    truth = exact()
    assert in_measure(truth, *streamed(MetricScale(), truth[:, 0].exp())) is truth


def test_a_faultless_teacher_of_any_scale_and_shift_has_no_error() -> None:
    truth = exact()
    for scale, shift in ((1.0, 0.0), (40.0, 7.0), (0.01, -0.002)):
        memories, refined = streamed(RelativeScale(), scale * (-truth[:, 0]).exp() + shift)
        answers = torch.stack([each.answer for each in refined])
        assert (in_measure(truth, memories, refined) - answers).abs().max() < 2e-3


def test_what_wobbles_is_an_error() -> None:
    truth = exact()
    wobble = 1 + 0.02 * torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])[:, None, None]
    memories, refined = streamed(RelativeScale(), wobble * (-truth[:, 0]).exp())
    teacher = torch.stack([memory.maps[:, 4] for memory in memories])
    error = (in_measure(truth, memories, refined) - teacher).abs()
    assert error.mean() > 0.008
