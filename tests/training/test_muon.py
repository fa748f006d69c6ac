"""Muon: a momentum becomes a turn, and steps of it find the least squares."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stereocast.training.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (16, 16)])
def test_singular_values_come_near_to_one(shape: tuple[int, int]):
    matrix = 1e-3 * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    made = orthogonalised(matrix)
    sizes = torch.linalg.svdvals(made)
    assert sizes.max() < 1.3 and sizes.median() > 0.6
    assert torch.nn.functional.cosine_similarity(made.flatten(), (u @ v).flatten(), dim=0) > 0.95


def test_a_convolution_learns_what_another_does():
    torch.manual_seed(1)
    teacher, pupil = nn.Conv2d(8, 12, 3, bias=False), nn.Conv2d(8, 12, 3, bias=False)
    optimiser = Muon(pupil.parameters(), lr=0.02, decay=0.0)
    losses = []
    for _ in range(60):
        picture = torch.randn(4, 8, 10, 10)
        loss = (pupil(picture) - teacher(picture).detach()).square().mean()
        pupil.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.1 * sum(losses[:5])


def test_decay_draws_weights_towards_zero_and_no_gradient_leaves_them():
    weight, idle = nn.Parameter(torch.ones(4, 6)), nn.Parameter(torch.ones(4, 6))
    optimiser = Muon([weight, idle], lr=0.1, decay=0.5)
    weight.grad = torch.zeros_like(weight)
    optimiser.step()
    assert torch.allclose(weight, torch.full((4, 6), 0.95))
    assert torch.equal(idle, torch.ones(4, 6))
