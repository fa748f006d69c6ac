"""Priming by a flag: every form overwrites all or nothing."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import Tensor

from stereocast.kernels.launch import launching
from stereocast.kernels.prime import prime_on, priming
from tests.cuda_on_cpu.launcher import Emulator


def state(value: int) -> list[Tensor]:
    """Return tensors of many sizes and dtypes, among them one that is not aligned."""
    return [
        torch.full((3, 17, 23), value, dtype=torch.uint8),
        torch.full((1,), value, dtype=torch.int64),
        torch.full((5, 7), float(value)),
        torch.full((2,), bool(value % 2)),
        torch.full((41,), value, dtype=torch.uint8)[1:],
    ]


@pytest.mark.parametrize("form", ["reference", "cuda"])
@pytest.mark.parametrize("flag", [True, False])
def test_state_is_fresh_exactly_where_the_flag_is_set(form, flag):
    old, fresh = state(3), state(8)
    addresses = [tensor.data_ptr() for tensor in old]
    road = launching(Emulator()) if form == "cuda" else contextlib.nullcontext()
    with road:
        prime_on(torch.tensor([flag]), priming(old, fresh))
    for mine, expected in zip(old, state(8 if flag else 3), strict=True):
        assert torch.equal(mine, expected)
    assert [tensor.data_ptr() for tensor in old] == addresses


def test_nothing_to_prime_is_fine():
    prime_on(torch.tensor([True]), priming([], []))


def test_pairs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one shape, dtype and device"):
        priming([torch.zeros(2)], [torch.zeros(3)])
    with pytest.raises(ValueError, match="flag bool"):
        prime_on(torch.zeros(1), priming([torch.zeros(2)], [torch.zeros(2)]))
