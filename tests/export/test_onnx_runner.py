"""OnnxRunner: it reads and writes memory where it lies, and refuses files that are not right."""

from __future__ import annotations

import builtins
import dataclasses
import shutil
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from stereocast.engine.artefact import manifest_path, read_manifest
from stereocast.engine.errors import ConfigError, MissingDependency, PlanMismatch
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.engine.runner import TensorSpec
from stereocast.export.manifest import Built, write_artefact

SPEC = TensorSpec("x", (3, 5))
RESULT = TensorSpec("y", (3, 5))


def doubling(*, shape: tuple[int | str, ...] = (3, 5)) -> bytes:
    """A network that returns twice its input."""
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    built = Built(
        model="doubling",
        grid=(3, 5),
        cache="kv",
        precision="fp32",
        inputs=(SPEC,),
        outputs=(RESULT,),
        built_with=("onnx",),
    )
    return write_artefact(tmp_path / "doubling.onnx", doubling(), built)


def test_it_computes(exported, generator):
    x = torch.rand(3, 5, generator=generator)
    assert torch.equal(OnnxRunner(exported).run({"x": x})["y"], 2 * x)


def test_a_change_in_place_is_seen_without_binding_again(exported):
    runner, x = OnnxRunner(exported), torch.ones(3, 5)
    runner.run({"x": x})
    x.fill_(4)
    assert torch.equal(runner.run({"x": x})["y"], torch.full((3, 5), 8.0))


def test_other_memory_is_seen(exported):
    runner = OnnxRunner(exported)
    first, second = torch.ones(3, 5), torch.full((3, 5), 3.0)
    runner.run({"x": first})
    assert float(runner.run({"x": second})["y"][0, 0]) == 6
    assert float(runner.run({"x": first})["y"][0, 0]) == 2


def test_results_lie_in_the_same_buffers(exported):
    runner = OnnxRunner(exported)
    places = {runner.run({"x": torch.ones(3, 5)})["y"].data_ptr() for _ in range(3)}
    assert len(places) == 1


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.ones(5, 3), "'x' is torch.float32"),
        (torch.ones(3, 5, dtype=torch.float64), "'x' is torch.float32"),
        (torch.ones(5, 3).T, "contiguous"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(exported, tensor, message):
    with pytest.raises(ValueError, match=message):
        OnnxRunner(exported).run({"x": tensor})


def test_missing_inputs_are_named(exported):
    with pytest.raises(ValueError, match=r"needs the inputs \['x'\]"):
        OnnxRunner(exported).run({})


def test_a_file_without_manifest_runs(exported):
    manifest_path(exported).unlink()
    runner = OnnxRunner(exported)
    assert runner.manifest is None and runner.inputs == (SPEC,)


def test_one_changed_byte_is_refused(exported):
    content = bytearray(exported.read_bytes())
    content[len(content) // 2] ^= 1
    exported.write_bytes(content)
    with pytest.raises(PlanMismatch, match="was changed or cut short"):
        OnnxRunner(exported)


def test_a_file_that_is_no_network_is_refused(tmp_path):
    path = tmp_path / "odd.onnx"
    path.write_bytes(b"no protobuf at all")
    with pytest.raises(PlanMismatch, match=r"odd\.onnx: ONNX Runtime cannot load it"):
        OnnxRunner(path)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(PlanMismatch, match="no such file"):
        OnnxRunner(tmp_path / "absent.onnx")


def test_a_manifest_of_other_tensors_is_refused(exported):
    manifest = read_manifest(exported)
    other = dataclasses.replace(manifest, outputs=(TensorSpec("depth", (3, 5)),))
    manifest_path(exported).write_text(other.to_json())
    with pytest.raises(PlanMismatch, match="its outputs differ from those of its manifest"):
        OnnxRunner(exported)


@pytest.mark.parametrize("text", ["{}", "[]", "nonsense", '{"schema": "stereocast/artefact/0"}'])
def test_an_odd_manifest_is_refused(exported, text):
    manifest_path(exported).write_text(text)
    with pytest.raises(PlanMismatch, match="this is no manifest"):
        OnnxRunner(exported)


def test_free_shapes_are_refused(tmp_path):
    path = tmp_path / "free.onnx"
    path.write_bytes(doubling(shape=("n", 5)))
    with pytest.raises(PlanMismatch, match="a fixed shape"):
        OnnxRunner(path)


def test_no_threads_are_refused(exported):
    with pytest.raises(ConfigError, match="at least 1 thread"):
        OnnxRunner(exported, threads=0)


def test_without_onnx_runtime_the_remedy_is_named(exported, monkeypatch):
    real = builtins.__import__

    def absent(name: str, *rest: object, **named: object) -> object:
        if name == "onnxruntime":
            raise ImportError("No module named 'onnxruntime'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingDependency, match="pip install onnxruntime"):
        OnnxRunner(exported)


def test_a_manifest_survives_reading_and_writing(exported):
    manifest = read_manifest(exported)
    assert manifest.to_json() == manifest_path(exported).read_text()


def test_a_failed_write_leaves_nothing(exported, tmp_path, monkeypatch):
    import os

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    built = Built("m", (3, 5), "kv", "fp32", (SPEC,), (RESULT,), ())
    folder = tmp_path / "new"
    with pytest.raises(Exception, match="No space left"):
        write_artefact(folder / "a.onnx", doubling(), built)
    assert list(folder.iterdir()) == []
    shutil.rmtree(folder)
