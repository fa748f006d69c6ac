"""Settling of fills: what must hold, on the native, CUDA and reference forms."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.launch import launching
from stereocast.kernels.memory import Fill, no_fill, reference, settle
from tests.cuda_on_cpu.launcher import Emulator

SIZE = (33, 57)
RESTING = torch.ones(1, dtype=torch.bool)


def settle_by_cuda(fill: Fill, view: Tensor, holes: Tensor, resting: Tensor) -> Fill:
    with launching(Emulator()):
        return settle(fill, view, holes, resting)


@pytest.mark.parametrize("form", ["native", "cuda"])
def test_every_form_of_settling_agrees_with_the_reference(form, generator):
    if form == "native" and native.serving() is None:
        pytest.skip("the native module was not built")
    step = settle if form == "native" else settle_by_cuda
    ours, expected = no_fill(SIZE), no_fill(SIZE)
    for index in range(5):
        view = torch.randint(0, 256, (3, *SIZE), dtype=torch.uint8, generator=generator)
        view[:, :20] //= 4
        holes = torch.rand(SIZE, generator=generator) < 0.6
        holes[index] = False
        other, resting = view.clone(), torch.tensor([index != 2])
        ours = step(ours, view, holes, resting)
        reference.settle(other, holes, resting, (expected.colour, expected.holes))
        assert torch.equal(view, other)
        assert torch.equal(ours.colour, expected.colour)
        assert torch.equal(ours.holes, expected.holes)


def filled(value: int) -> tuple[Tensor, Tensor]:
    """Return a grey view of 100 whose left half is filled with `value`, and its holes."""
    holes = torch.zeros(SIZE, dtype=torch.bool)
    holes[:, :28] = True
    view = torch.full((3, *SIZE), 100, dtype=torch.uint8)
    view[:, holes] = value
    return view, holes


def test_a_fill_that_flickers_settles():
    fill = no_fill(SIZE)
    steps = []
    for index in range(12):
        view, holes = filled(60 if index % 2 else 40)
        fill = settle(fill, view, holes, RESTING)
        steps.append(int(view[0, 0, 0]))
        assert (view[:, ~holes] == 100).all(), "only holes change"
    changes = [abs(b - a) for a, b in itertools.pairwise(steps[6:])]
    assert max(changes) <= 20 * 5 / 16 + 1


@pytest.mark.parametrize("why", ["the background moved", "it was no hole", "it is another fill"])
def test_a_fill_is_left_as_it_is_when(why):
    fill = no_fill(SIZE)
    view, holes = filled(40)
    fill = settle(fill, view, holes & (why != "it was no hole"), RESTING)
    value = 140 if why == "it is another fill" else 60
    view, holes = filled(value)
    settle(fill, view, holes, RESTING & (why != "the background moved"))
    assert (view[:, holes] == value).all()
