"""The S6 block: upstream's numbers and names; a step that is the sequence, and exports."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stereocast.engine.onnx_runtime import onnx_runtime
from stereocast.engine.refine.ssm import DT_RANGE, S6
from tests.kernels.scans import golden_arrays, worst

TOLERANCE = 2e-5  # as in tests/kernels/test_golden_scan.py
NAMES = {
    "in_proj.weight": (128, 32),
    "conv1d.weight": (64, 1, 4),
    "conv1d.bias": (64,),
    "x_proj.weight": (18, 64),
    "dt_proj.weight": (64, 2),
    "dt_proj.bias": (64,),
    "A_log": (64, 8),
    "D": (64,),
    "out_proj.weight": (32, 64),
}


def fold(block: S6, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Step through [b, L, d_model]; return the states after it and all outputs."""
    conv, ssm = block.init(inputs.shape[0])
    outputs = []
    for t in range(inputs.shape[1]):
        conv, ssm, y = block.step(conv, ssm, inputs[:, t])
        outputs.append(y)
    return conv, ssm, torch.stack(outputs, dim=1)


@pytest.mark.parametrize("name", ["block_a", "block_b", "block_c"])
def test_a_block_with_upstreams_weights_gives_upstreams_numbers(name, golden):
    given = golden_arrays(golden, name)
    d_model, d_state, d_conv, expand, _, _ = given["cfg"].tolist()
    block = S6(d_model, d_state=d_state, d_conv=d_conv, expand=expand)
    block.load_state_dict({key[2:]: given[key] for key in given if key.startswith("w.")})
    with torch.no_grad():
        assert worst(block(given["x"]), given["out_full"]) <= TOLERANCE
        conv, ssm, outputs = fold(block, given["x"])
        assert worst(outputs, given["out_step"]) <= TOLERANCE
        assert worst(conv, given["conv_state"][..., 1:]) <= TOLERANCE
        assert worst(ssm, given["ssm_state"]) <= TOLERANCE
        middle = int(given["mid_t"]) + 1
        conv, ssm, _ = fold(block, given["x"][:, :middle])
        assert worst(conv, given["mid_conv_state"][..., 1:]) <= TOLERANCE
        assert worst(ssm, given["mid_ssm_state"]) <= TOLERANCE


def test_parameters_have_upstreams_names_and_shapes():
    assert {name: tuple(p.shape) for name, p in S6().state_dict().items()} == NAMES


def test_fresh_weights_are_drawn_as_the_paper_says():
    torch.manual_seed(0)
    block = S6(64, d_state=5)
    dt = nn.functional.softplus(block.dt_proj.bias)
    low, high = DT_RANGE
    assert low * 0.999 <= dt.min() < 0.01 and 0.03 < dt.max() <= high * 1.001
    assert torch.equal(block.D, torch.ones(128))
    torch.testing.assert_close(block.A_log.exp(), torch.arange(1.0, 6).expand(128, 5))
    assert block.dt_proj.weight.abs().max() <= 1 / math.sqrt(4)
    assert all(any(p is q for q in block.parameters()) for p in block.undecayed())


@pytest.mark.parametrize(("d_conv", "expand"), [(2, 1), (3, 3), (4, 2)])
@pytest.mark.parametrize("d_model", [7, 32])
def test_steps_are_the_sequence(d_model, d_conv, expand, generator):
    block = S6(d_model, d_state=5, d_conv=d_conv, expand=expand)
    inputs = torch.randn(3, 9, d_model, generator=generator)
    with torch.no_grad():
        assert worst(fold(block, inputs)[2], block(inputs)) <= TOLERANCE


def test_training_and_running_agree(generator):
    """With gradients the reference computes, without them whatever is fastest."""
    block, inputs = S6(), torch.randn(5, 6, 32, generator=generator)
    outputs = fold(block, inputs)[2]
    outputs.square().mean().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in block.parameters())
    with torch.no_grad():
        assert worst(fold(block, inputs)[2], outputs.detach()) <= TOLERANCE


class _Step(nn.Module):
    def __init__(self, block: S6) -> None:
        super().__init__()
        self.block = block

    def forward(self, conv: Tensor, ssm: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.block.step(conv, ssm, u)


@pytest.mark.filterwarnings("ignore:.isinstance:FutureWarning")  # the exporter's own old calls
def test_the_step_exports_to_plain_onnx_operators(generator, tmp_path):
    step = _Step(S6()).eval()
    inputs = (
        torch.randn(11, 64, 3, generator=generator),
        torch.randn(11, 64, 8, generator=generator),
        torch.randn(11, 32, generator=generator),
    )
    with torch.no_grad():
        program = torch.onnx.export(step, inputs, dynamo=True, opset_version=18, verbose=False)
    assert program is not None
    program.save(tmp_path / "step.onnx")
    assert {node.domain for node in program.model.graph} == {""}
    providers = ["CPUExecutionProvider"]
    session = onnx_runtime().InferenceSession(tmp_path / "step.onnx", providers=providers)
    names = [given.name for given in session.get_inputs()]
    results = session.run(None, dict(zip(names, (x.numpy() for x in inputs), strict=True)))
    with torch.no_grad():
        for result, expected in zip(results, step(*inputs), strict=True):
            assert worst(torch.from_numpy(np.asarray(result)), expected) <= TOLERANCE


def test_sizes_without_a_block_are_refused():
    with pytest.raises(ValueError, match=r"d_conv of at least 2, got d_model=32, .*d_conv=1"):
        S6(d_conv=1)
