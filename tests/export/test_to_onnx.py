"""Exported steps: the same bytes every time, the promised tensors, the same depth as PyTorch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest
import torch

from stereocast.engine.artefact import manifest_path, read_manifest, sha256_of
from stereocast.engine.depth.vda import StreamingStep, halve
from stereocast.engine.depth.vda.cache import CacheKind
from stereocast.engine.errors import ConfigError
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.export.quantise import quantise
from stereocast.export.to_onnx import OPSET, export_step
from stereocast.export.verify import compare, reference
from tests.engine.vda import recipe

GRID = (42, 70)
"""With fewer tokens, group norms over two values make rounding visible: 1e-4 already in PyTorch."""
FRAMES = 55
"""More than the 42 frames after which the oldest row is overwritten."""


def step(cache: CacheKind = "kv", storage: torch.dtype = torch.float32) -> StreamingStep:
    return StreamingStep(recipe.network("tiny"), GRID, cache=cache, storage=storage)


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_step(step(), tmp_path_factory.mktemp("export") / "tiny.onnx", model="tiny")


@pytest.fixture(scope="module")
def halved() -> StreamingStep:
    """What is exported in half precision: with the other kind of ring, too."""
    return step("u", torch.float16)


@pytest.fixture(scope="module")
def fp16(halved: StreamingStep, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "tiny16.onnx"
    return export_step(halved, path, precision="fp16")


@pytest.mark.slow
def test_the_same_step_gives_the_same_bytes(fp32, tmp_path):
    again = export_step(step(), tmp_path / "again.onnx", model="tiny")
    assert again.read_bytes() == fp32.read_bytes()
    assert manifest_path(again).read_bytes() == manifest_path(fp32).read_bytes()


def test_the_file_tells_nothing_of_the_machine(fp32):
    content = fp32.read_bytes()
    for word in (str(Path(torch.__file__).parent), str(Path.cwd()), "stack_trace", ".py"):
        assert word.encode() not in content


def test_names_shapes_and_types_are_those_of_the_step(fp32, fp16):
    for path, expected in ((fp32, step()), (fp16, halve(step("u", torch.float16)))):
        runner = OnnxRunner(path)
        assert runner.inputs == expected.input_specs()
        assert runner.outputs == expected.output_specs()


def test_the_graph_is_of_standard_operators_and_gathers_no_ring(fp32):
    model = onnx.load(fp32)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    rings = {spec.name for spec in step().ring_specs()}
    readers = Counter(n.op_type for n in model.graph.node for name in n.input if name in rings)
    assert set(readers) <= {"MatMul", "Transpose"}


def test_half_precision_leaves_islands_of_single(fp16):
    """Softmax, norms and the last convolutions take float32: typed by inference, not by name."""
    model = onnx.shape_inference.infer_shapes(onnx.load(fp16), strict_mode=True)
    graph = model.graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in (*graph.value_info, *graph.output)}
    kinds |= {initializer.name: initializer.data_type for initializer in graph.initializer}
    kinds |= {v.name: v.type.tensor_type.elem_type for v in graph.input}
    islands = ("Softmax", "LayerNormalization", "InstanceNormalization")
    found = Counter((n.op_type, kinds[n.input[0]]) for n in graph.node)
    for island in islands:
        assert found[island, onnx.TensorProto.FLOAT] > 0
        assert found[island, onnx.TensorProto.FLOAT16] == 0
    assert found["MatMul", onnx.TensorProto.FLOAT16] > 0
    convolutions = [n for n in graph.node if n.op_type == "Conv"]
    assert [kinds[n.input[0]] for n in convolutions[-2:]] == [onnx.TensorProto.FLOAT] * 2
    assert kinds[convolutions[-3].input[0]] == onnx.TensorProto.FLOAT16


def test_onnx_equals_torch_over_a_stream(fp32):
    result = compare(OnnxRunner(fp32), reference(step()), frames=FRAMES)
    assert result.max_difference < 1e-4 < result.spread / 10


@pytest.mark.slow
def test_the_u_ring_exports_as_well(tmp_path):
    path = export_step(step("u"), tmp_path / "u.onnx")
    result = compare(OnnxRunner(path), reference(step("u")), frames=FRAMES)
    assert result.max_difference < 1e-4


def test_half_precision_stays_near(fp16):
    result = compare(OnnxRunner(fp16), reference(step()), frames=FRAMES)
    assert 0 < result.mean_difference < 5e-3


def test_eight_bits_stay_recognisable_and_deterministic(fp32, tmp_path):
    path = quantise(fp32, tmp_path / "tiny8.onnx")
    assert quantise(fp32, tmp_path / "again.onnx").read_bytes() == path.read_bytes()
    assert path.stat().st_size < 0.9 * fp32.stat().st_size
    kinds = Counter(node.op_type for node in onnx.load(path).graph.node)
    assert kinds["MatMulInteger"] > 50
    result = compare(OnnxRunner(path), reference(step()), frames=FRAMES)
    assert 0 < result.mean_difference < result.spread / 4


def test_eight_bits_are_made_of_single_precision_only(fp16, tmp_path):
    with pytest.raises(ConfigError, match="int8 is made of an fp32 export"):
        quantise(fp16, tmp_path / "odd.onnx")


def test_the_manifest_describes_the_file(fp32):
    manifest = read_manifest(fp32)
    assert manifest.sha256 == sha256_of(fp32)
    assert (manifest.model, manifest.grid) == ("tiny", GRID)
    assert (manifest.cache, manifest.precision) == ("kv", "fp32")
    assert manifest.inputs == step().input_specs()
    assert set(manifest.built_with) == {"stereocast", "torch", "onnx", "onnxscript"}


def test_exporting_does_not_change_the_step(fp16, halved):
    assert {parameter.dtype for parameter in halved.parameters()} == {torch.float32}


@pytest.mark.slow
def test_the_small_network_keeps_its_depth_in_every_precision(tmp_path):
    grid, network = (140, 252), recipe.network("vits")
    single = StreamingStep(network, grid)
    half = StreamingStep(network, grid, storage=torch.float16)
    truth, frames = reference(single), 50
    fp32 = export_step(single, tmp_path / "vits.onnx")
    assert compare(OnnxRunner(fp32), truth, frames=frames).max_difference < 1e-4
    fp16 = export_step(half, tmp_path / "vits16.onnx", precision="fp16")
    assert compare(OnnxRunner(fp16), truth, frames=frames).mean_difference < 5e-3
    int8 = quantise(fp32, tmp_path / "vits8.onnx")
    result = compare(OnnxRunner(int8), truth, frames=frames)
    assert result.mean_difference < result.spread / 10
