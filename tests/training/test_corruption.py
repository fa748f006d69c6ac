"""The teacher that training sees: wrong as networks are, and the same for the same seed."""

from __future__ import annotations

import torch

from stereocast.training.corruption import corrupt

SIZE = (12, 24, 32)


def slope() -> torch.Tensor:
    return torch.linspace(0.5, 2.0, 32).expand(SIZE).contiguous()


def test_the_same_seed_gives_the_same_teacher_and_another_seed_another_one() -> None:
    first, again, other = corrupt(slope(), 1), corrupt(slope(), 1), corrupt(slope(), 2)
    assert torch.equal(first.log_depth, again.log_depth)
    assert torch.equal(first.sigma, again.sigma)
    assert not torch.equal(first.log_depth, other.log_depth)


def test_errors_are_those_of_networks_some_percent_and_never_wild() -> None:
    errors = torch.stack([corrupt(slope(), seed).log_depth - slope() for seed in range(20)])
    assert 0.008 < errors.abs().mean() < 0.05
    assert errors.abs().max() < 0.6


def test_said_errors_are_larger_where_true_ones_are_in_most_clips() -> None:
    agree = 0
    for seed in range(30):
        teacher = corrupt(slope(), seed)
        error = (teacher.log_depth - slope()).abs().mean(0).flatten()
        said = teacher.sigma.mean(0).flatten()
        agree += bool(torch.corrcoef(torch.stack((error, said)))[0, 1] > 0.1)
    assert 15 <= agree < 30  # one clip in five says what belongs elsewhere


def test_frames_differ_by_wobble_and_noise() -> None:
    teacher = corrupt(slope(), 3).log_depth
    assert 0.003 < teacher.diff(dim=0).abs().mean() < 0.06
