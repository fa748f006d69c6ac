"""The selective scan against numbers of state-spaces/mamba, where a folder has them.

Tolerance: 2e-5 of max(1, the largest value), the rounding of float32 in another order of sums.
"""

from __future__ import annotations

import pytest
import torch

from stereocast.kernels import selective_scan, selective_scan_step
from tests.kernels.scans import golden_arrays, worst

TOLERANCE = 2e-5
OPTIONS = ("D", "z", "delta_bias")


@pytest.mark.parametrize("name", ["scan_a", "scan_b", "scan_c", "scan_d_groups"])
def test_scans_are_upstreams(name, golden):
    given = golden_arrays(golden, name)
    arguments = {key: given[key] for key in ("u", "delta", "A", "B", "C", *OPTIONS) if key in given}
    y, last = selective_scan(**arguments, delta_softplus=bool(given["softplus"]))
    assert worst(y, given["out"]) <= TOLERANCE
    assert worst(y, given["out_fp64"]) <= TOLERANCE
    assert worst(last, given["last_state"]) <= TOLERANCE


@pytest.mark.parametrize("name", ["step_a", "step_b", "step_heads"])
def test_steps_are_upstreams(name, golden):
    given = golden_arrays(golden, name)
    arguments = {key: given[key] for key in ("x", "dt", "A", "B", "C", "D", "z", "dt_bias")}
    y, state = selective_scan_step(given["state_in"], **arguments, dt_softplus=True)
    assert worst(y, given["out"]) <= TOLERANCE
    assert worst(state, given["state_out"]) <= TOLERANCE


@pytest.mark.parametrize("name", ["ssd_a", "ssd_b"])
def test_mamba_2_is_the_step_with_one_decay_per_head(name, golden):
    """Its arrays are discretised: A is dt·A, X is dt·x. A step of -A undoes that."""
    given = golden_arrays(golden, name)
    state, heads = given["h0"], given["X"].shape[2]
    outputs = []
    for t in range(given["X"].shape[1]):
        dt = -given["A"][:, t, :, None]
        x, B, C = given["X"][:, t] / dt, given["B"][:, t], given["C"][:, t]
        y, state = selective_scan_step(state, x, dt, -torch.ones(heads, 1, 1), B, C)
        outputs.append(y)
    assert worst(torch.stack(outputs, dim=1), given["Y"]) <= TOLERANCE
    assert worst(state, given["final"]) <= TOLERANCE
