"""The second road to a plan: what it refuses, and how it books what torch-tensorrt names.

torch-tensorrt, TensorRT and the device are stand-ins here; `needs_cuda` runs the real ones.
"""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from stereocast.engine.artefact import check_file, read_manifest
from stereocast.engine.depth.vda import StreamingStep
from stereocast.engine.errors import (
    ConfigError,
    MissingDependency,
    PlanMismatch,
    StereocastError,
)
from stereocast.engine.plan import Installation, check_plan, tensor_names
from stereocast.engine.tensorrt import TensorRT
from stereocast.export import through_torch
from stereocast.export.steps import halved
from stereocast.export.store import Export
from stereocast.export.through_torch import build_plan_through_torch, check_torch_tensorrt
from tests.engine.vda import recipe

GRID = (42, 70)
EXPORT = Export("tiny", "0" * 64, GRID, "fp32", "u")


class Mode(Enum):
    INPUT = 0
    OUTPUT = 1


class Engine:
    """What a loaded plan says of its tensors; outputs come first, as no rule forbids."""

    def __init__(self, step: StreamingStep) -> None:
        ours = [(Mode.OUTPUT, spec) for spec in step.output_specs()]
        ours += [(Mode.INPUT, spec) for spec in step.input_specs()]
        self.tensors = {f"their{n}": tensor for n, tensor in enumerate(ours)}
        self.num_io_tensors = len(ours)

    def get_tensor_name(self, index: int) -> str:
        return list(self.tensors)[index]

    def get_tensor_mode(self, name: str) -> Mode:
        return self.tensors[name][0]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name][1].shape

    def get_tensor_dtype(self, name: str) -> torch.dtype:
        return self.tensors[name][1].dtype


@pytest.fixture
def step() -> StreamingStep:
    return StreamingStep(recipe.network("tiny"), GRID, cache="u")


@pytest.fixture(scope="module")
def program() -> torch.export.ExportedProgram:
    """The tiny step, really exported, once: it takes seconds."""
    step = StreamingStep(recipe.network("tiny"), GRID, cache="u")
    inputs = (torch.zeros(spec.shape, dtype=spec.dtype) for spec in step.input_specs())
    return torch.export.export(step, tuple(inputs))


@pytest.fixture
def stand_in(
    step: StreamingStep, program: torch.export.ExportedProgram, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """Pretend that everything is installed on a machine with an sm_89."""
    calls = SimpleNamespace(built=0, engine=Engine(step), refusal=None)

    def convert(program: Any, *, arg_inputs: Any, use_explicit_typing: bool) -> bytes:
        assert use_explicit_typing
        assert len(program.graph_signature.user_inputs) == len(arg_inputs)
        if calls.refusal:
            raise RuntimeError(calls.refusal)
        calls.built += 1
        return b"a plan"

    package = SimpleNamespace(
        __version__="2.13.0",
        dynamo=SimpleNamespace(convert_exported_program_to_serialized_trt_engine=convert),
    )
    kinds = SimpleNamespace(
        HALF=torch.float16, FLOAT=torch.float32, INT64=torch.int64, INT32=torch.int32
    )
    trt = SimpleNamespace(
        ILogger=object,
        TensorIOMode=Mode,
        DataType=kinds,
        Runtime=lambda _log: SimpleNamespace(deserialize_cuda_engine=lambda _plan: calls.engine),
    )
    installed = TensorRT(trt, Installation("tensorrt", "11.0"))
    monkeypatch.setitem(sys.modules, "torch_tensorrt", package)
    monkeypatch.setattr(through_torch, "find_tensorrt", lambda _flavour: installed)
    monkeypatch.setattr(through_torch, "new_log", lambda _trt: SimpleNamespace(last="a reason"))
    monkeypatch.setattr(through_torch, "local_capability", lambda: 89)
    monkeypatch.setattr(through_torch, "DEVICE", "cpu")
    monkeypatch.setattr(torch.export, "export", lambda _step, _inputs: program)
    return calls


def test_the_manifest_tells_the_plans_own_names(stand_in, step, tmp_path: Path):
    path = build_plan_through_torch(step, EXPORT, tmp_path)
    manifest = read_manifest(path)
    check_file(path, manifest)
    names = tensor_names(manifest)
    for spec in manifest.inputs + manifest.outputs:
        theirs = stand_in.engine.tensors[names[spec.name]][1]
        assert (spec.shape, spec.dtype) == (theirs.shape, theirs.dtype)
    assert len(set(names.values())) == len(names)
    check_plan(path, manifest, Installation("tensorrt", "11.0", 89))
    with pytest.raises(PlanMismatch, match=r"--targets 86 .*--builder torch-tensorrt$"):
        check_plan(path, manifest, Installation("tensorrt", "11.0", 86))


def test_a_plan_that_is_there_is_not_built_again(stand_in, step, tmp_path: Path):
    assert build_plan_through_torch(step, EXPORT, tmp_path) == build_plan_through_torch(
        step, EXPORT, tmp_path
    )
    assert stand_in.built == 1


def test_half_precision_is_in_the_module(stand_in, step, tmp_path: Path):
    export = Export("tiny", "0" * 64, GRID, "fp16", "u")
    half = StreamingStep(recipe.network("tiny"), GRID, cache="u", storage=torch.float16)
    stand_in.engine = Engine(halved(half))
    full = StreamingStep(recipe.network("tiny"), GRID, cache="u", storage=torch.float16)
    manifest = read_manifest(build_plan_through_torch(full, export, tmp_path))
    assert manifest.inputs[0].dtype == torch.float16
    assert full.dtype == torch.float32  # the caller's module is not touched


def test_other_tensors_than_the_networks_are_refused(stand_in, step, tmp_path: Path):
    stand_in.engine = Engine(StreamingStep(recipe.network("tiny"), (42, 84), cache="u"))
    with pytest.raises(PlanMismatch, match="built other tensors than the network has"):
        build_plan_through_torch(step, EXPORT, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_failed_build_is_one_line(stand_in, step, tmp_path: Path):
    stand_in.refusal = "no converter for aten::odd\nand forty more lines"
    with pytest.raises(StereocastError, match=r"cannot build tiny: no converter for aten::odd$"):
        build_plan_through_torch(step, EXPORT, tmp_path)


def test_only_the_device_here_can_be_a_target(stand_in):
    assert check_torch_tensorrt() == check_torch_tensorrt((89,)) == 89
    with pytest.raises(ConfigError, match="--targets 89"):
        check_torch_tensorrt((86, 89))


def test_int8_is_refused(stand_in, step, tmp_path: Path):
    with pytest.raises(ConfigError, match="not int8"):
        build_plan_through_torch(step, Export("tiny", "0", GRID, "int8"), tmp_path)


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_tensorrt", None)
    with pytest.raises(MissingDependency, match=r"pip install 'stereocast\[torch-tensorrt\]'"):
        check_torch_tensorrt()


def test_names_that_are_not_told_are_our_own(stand_in, step, tmp_path: Path):
    manifest = read_manifest(build_plan_through_torch(step, EXPORT, tmp_path))
    key = {name: value for name, value in manifest.key.items() if name != "names"}
    plain = type(manifest)(**vars(manifest) | {"key": key})
    assert tensor_names(plain) == {s.name: s.name for s in plain.inputs + plain.outputs}
    assert json.loads(manifest.key["names"])["image"] != "image"


@pytest.mark.needs_cuda
def test_the_real_compiler_builds_a_plan_that_runs(step, tmp_path: Path):
    pytest.importorskip("torch_tensorrt", exc_type=ImportError)
    from stereocast.engine.tensorrt_runner import TensorRTRunner
    from stereocast.export.verify import compare, reference

    runner = TensorRTRunner(build_plan_through_torch(step, EXPORT, tmp_path))
    assert compare(runner, reference(step), frames=8).max_difference < 1e-3
