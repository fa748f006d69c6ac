"""TensorRTRunner: refusals anywhere TensorRT-RTX is installed, the rest on a CUDA device."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from stereocast.engine.artefact import manifest_path, read_manifest
from stereocast.engine.depth.vda import DepthStage, StreamingStep
from stereocast.engine.depth.vda.cache import window_rows
from stereocast.engine.errors import MissingDependency, PlanMismatch
from stereocast.engine.plan import Installation, plan_key
from stereocast.engine.tensorrt import find_tensorrt, local_capability
from stereocast.engine.tensorrt_runner import TensorRTRunner
from stereocast.export.manifest import Built, write_artefact
from stereocast.export.to_onnx import export_step
from stereocast.export.to_plan import build_plan
from stereocast.export.verify import FRAME_SIZE, moving_pictures, reference
from tests.engine.vda import recipe

GRID = (42, 70)
FRAMES = 50


def write_plan(folder: Path, installation: Installation) -> Path:
    key = plan_key("0", installation, (86,))
    built = Built("vda-small", GRID, "u", "fp16", (), (), (), key)
    return write_artefact(folder / "a.plan", b"a plan", built)


@pytest.mark.slow
def test_a_plan_of_another_version_is_refused_before_it_is_read(tmp_path):
    path = write_plan(tmp_path, Installation("tensorrt_rtx", "0.1"))
    with pytest.raises(PlanMismatch, match=r"built with tensorrt_rtx 0\.1; this is .* Rebuild it"):
        TensorRTRunner(path)


@pytest.mark.slow
def test_a_damaged_plan_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = write_plan(tmp_path, find_tensorrt("tensorrt_rtx").installation)
    path.write_bytes(b"b plan")
    with pytest.raises(PlanMismatch, match="was changed or cut short"):
        TensorRTRunner(path)


@pytest.mark.slow
def test_without_a_device_the_reason_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = write_plan(tmp_path, find_tensorrt("tensorrt_rtx").installation)
    with pytest.raises(MissingDependency, match="needs a CUDA device"):
        TensorRTRunner(path)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan of the tiny network for the device here."""
    here, tensorrt = local_capability(), find_tensorrt()
    if here is None or here not in tensorrt.targets():
        pytest.skip(f"{tensorrt.installation.flavour} builds no plan for sm_{here}")
    step = StreamingStep(recipe.network("tiny"), GRID, cache="u", storage=torch.float16)
    onnx = export_step(step, tmp_path / "tiny.onnx", precision="fp16", model="tiny")
    return build_plan(onnx, tmp_path, targets=(here,))


@pytest.mark.needs_cuda
def test_a_plan_streams_like_torch(plan):
    device = torch.device("cuda")
    step = StreamingStep(recipe.network("tiny"), GRID, cache="u")
    ours = DepthStage.on(TensorRTRunner(plan), frame_size=FRAME_SIZE, device=device)
    theirs = DepthStage.on(reference(step), frame_size=FRAME_SIZE)
    states = [ours.init(), theirs.init()]
    total = 0.0
    for frame in moving_pictures(FRAMES):
        states[0], depth = ours.step(states[0], frame.to(device))
        states[1], expected = theirs.step(states[1], frame)
        total += float((depth.to("cpu") - expected).abs().mean())
    assert total / FRAMES < 5e-3


@pytest.mark.needs_cuda
def test_a_captured_plan_equals_an_enqueued_one(plan, generator):
    runner = TensorRTRunner(plan)
    tensors = {
        spec.name: torch.rand(spec.shape, generator=generator).to("cuda", spec.dtype)
        for spec in runner.inputs
    }
    tensors["slot_rows"] = window_rows(torch.tensor([60])).to("cuda")
    expected = {name: value.clone() for name, value in runner.run(tensors).items()}
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = runner.run(tensors)
    for buffer in results.values():
        buffer.zero_()
    graph.replay()
    torch.cuda.synchronize()
    for name, value in expected.items():
        assert torch.equal(results[name], value)


@pytest.mark.needs_cuda
def test_a_manifest_of_other_tensors_is_refused(plan):
    manifest = read_manifest(plan)
    changed = dataclasses.replace(manifest, inputs=manifest.inputs[1:])
    manifest_path(plan).write_text(changed.to_json())
    with pytest.raises(PlanMismatch, match="its inputs differ"):
        TensorRTRunner(plan)
