"""The selective scan beside state-spaces/mamba itself, on a GPU with the extra `mamba`."""

from __future__ import annotations

import pytest
import torch

from stereocast.kernels import selective_scan, selective_scan_step
from tests.kernels.scans import sequence, token, worst

TOLERANCE = 2e-5
pytestmark = pytest.mark.needs_cuda


@pytest.mark.parametrize("groups", [1, 4])
def test_upstreams_kernel_gives_the_same_sequence(groups, generator):
    upstream = pytest.importorskip("mamba_ssm.ops.selective_scan_interface")
    arguments = {
        name: tensor.to("cuda")
        for name, tensor in sequence((2, 64, 8, 33, groups), generator).items()
    }
    y, last = selective_scan(**arguments, delta_softplus=True)
    given = arguments.values()
    expected, state = upstream.selective_scan_fn(*given, True, return_last_state=True)
    assert worst(y, expected) <= TOLERANCE
    assert worst(last, state) <= TOLERANCE


def test_upstreams_kernel_gives_the_same_step(generator):
    upstream = pytest.importorskip("mamba_ssm.ops.triton.selective_state_update")
    arguments = sequence((16, 64, 8, 1, 1), generator)
    one = {name: tensor.to("cuda") for name, tensor in token(arguments, 0).items()}
    state = torch.randn(16, 64, 8, generator=generator).to("cuda")
    y, new = selective_scan_step(state, **one, dt_softplus=True)
    expected = upstream.selective_state_update(state, **one, dt_softplus=True)  # state in place
    assert worst(y, expected) <= TOLERANCE
    assert worst(new, state) <= TOLERANCE
