"""The refiner's network as ONNX, and as a TensorRT plan: the same answers with explicit state."""

from __future__ import annotations

import pytest
import torch

from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.engine.refine.network import RefineNetwork, RefineStep
from stereocast.engine.runner import TorchRunner
from stereocast.export.refiner import obtain_refiner

GRID = (18, 26)
CORES = pytest.mark.parametrize("core", [pytest.param("mamba", marks=pytest.mark.slow), "none"])
"""PyTorch takes long to trace the scan."""


def network(core: str) -> RefineNetwork:
    torch.manual_seed(2)
    made = RefineNetwork(core)
    torch.nn.init.normal_(made.head[-1].weight, std=0.2)
    return made.eval()


@CORES
def test_the_exported_network_answers_and_remembers_as_pytorch_does(core, tmp_path, generator):
    made = network(core)
    step = RefineStep(made, GRID)
    said: list[str] = []
    path = obtain_refiner(made, GRID, tmp_path, say=said.append)
    assert obtain_refiner(made, GRID, tmp_path, say=said.append) == path
    assert said == [f"exporting refiner-{core} for 18×26"]  # once: it is there then
    runners = (
        OnnxRunner(path),
        TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs()),
    )
    memories = [made.init(1, GRID) for _ in runners]
    names = [spec.name for spec in step.input_specs()]
    for _ in range(3):
        seen = [torch.randn(spec.shape, generator=generator) for spec in step.input_specs()[:2]]
        answers = []
        for side, runner in enumerate(runners):
            results = runner.run(dict(zip(names, (*seen, *memories[side]), strict=True)))
            memories[side] = tuple(results[f"{name}_next"].clone() for name in names[2:])
            answers.append(results["correction"].clone())
        torch.testing.assert_close(answers[0], answers[1], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("core", ["mamba", "none"])
def test_tensorrt_rtx_builds_a_plan_of_it(core, tmp_path):
    from stereocast.export.to_plan import build_plan

    plan = build_plan(obtain_refiner(network(core), GRID, tmp_path), tmp_path)
    assert plan.stat().st_size > 10_000
