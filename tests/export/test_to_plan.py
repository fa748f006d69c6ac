"""TensorRT plans: really built where TensorRT-RTX is installed, refused where they do not fit."""

from __future__ import annotations

import builtins
import dataclasses
from pathlib import Path

import pytest
import torch

from stereocast.engine.artefact import Manifest, check_file, manifest_path, read_manifest
from stereocast.engine.depth.tiny import TinyDepth, TinyStep
from stereocast.engine.depth.vda import StreamingStep
from stereocast.engine.errors import ConfigError, MissingDependency, PlanMismatch, StereocastError
from stereocast.engine.plan import Installation, check_plan, plan_key
from stereocast.engine.runner import TensorSpec
from stereocast.engine.tensorrt import find_tensorrt
from stereocast.export.to_onnx import export_step
from stereocast.export.to_plan import DEFAULT_TARGETS, build_plan, read_timing, write_timing
from tests.engine.vda import recipe

HERE = Installation("tensorrt_rtx", "1.7.1", 89)
PLAN = Manifest(
    sha256="0",
    model="vda-small",
    grid=(140, 252),
    cache="u",
    precision="fp16",
    inputs=(),
    outputs=(),
    key=plan_key("abc", HERE, (86, 89)),
)
FILE = Path("plans/a.plan")


def test_a_plan_that_fits_is_accepted():
    check_plan(FILE, PLAN, HERE)
    check_plan(FILE, PLAN, dataclasses.replace(HERE, capability=None))


@pytest.mark.parametrize(
    ("installation", "message"),
    [
        (Installation("tensorrt", "1.7.1", 89), "built with tensorrt_rtx 1.7.1; this is tensorrt"),
        (Installation("tensorrt_rtx", "1.8", 89), "this is tensorrt_rtx 1.8"),
        (Installation("tensorrt_rtx", "1.7.1", 120), "for sm_86, sm_89; this is sm_120"),
    ],
)
def test_a_plan_of_another_installation_is_refused(installation, message):
    with pytest.raises(PlanMismatch, match=message):
        check_plan(FILE, PLAN, installation)


def test_the_refusal_names_the_command_that_rebuilds():
    with pytest.raises(PlanMismatch) as refusal:
        check_plan(FILE, PLAN, dataclasses.replace(HERE, capability=120))
    command = (
        "stereocast export vda-small --plan --grid 140x252 --precision fp16 --cache u "
        "--targets 120 --out plans"
    )
    assert str(refusal.value).endswith(command)


def test_an_onnx_file_is_no_plan():
    onnx = dataclasses.replace(PLAN, key={"opset": "18"})
    with pytest.raises(PlanMismatch, match="not that of a TensorRT plan"):
        check_plan(FILE, onnx, HERE)


def test_without_tensorrt_the_remedy_is_named(monkeypatch):
    real = builtins.__import__

    def absent(name: str, *rest: object, **named: object) -> object:
        if name.startswith("tensorrt"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingDependency, match=r"pip install 'stereocast\[rtx\]'"):
        find_tensorrt()


def test_an_unknown_flavour_is_refused():
    with pytest.raises(ConfigError, match="is not one of tensorrt_rtx, tensorrt"):
        find_tensorrt("tensorrt_lean")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    step = StreamingStep(recipe.network("tiny"), (42, 70), cache="u", storage=torch.float16)
    path = tmp_path_factory.mktemp("plan") / "tiny.onnx"
    return export_step(step, path, precision="fp16", model="tiny")


@pytest.mark.slow
def test_a_plan_for_three_devices_is_built_without_any(tiny, tmp_path):
    phases: set[str] = set()
    plan = build_plan(tiny, tmp_path, progress=lambda phase, *_: phases.add(phase))
    manifest, source = read_manifest(plan), read_manifest(tiny)
    check_file(plan, manifest)
    assert (manifest.inputs, manifest.outputs) == (source.inputs, source.outputs)
    assert manifest.key["onnx_sha256"] == source.sha256
    assert manifest.key["targets"] == "86,89,120"
    assert plan.stat().st_size > 1 << 20
    assert "Building engine" in phases
    installed = find_tensorrt("tensorrt_rtx").installation
    check_plan(plan, manifest, dataclasses.replace(installed, capability=120))
    before = plan.stat().st_mtime_ns
    assert build_plan(tiny, tmp_path) == plan
    assert plan.stat().st_mtime_ns == before
    assert build_plan(tiny, tmp_path, targets=(89,)) != plan


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_the_built_in_network_becomes_a_plan(tmp_path, precision):
    step = TinyStep(TinyDepth(), (140, 252))
    onnx = export_step(step, tmp_path / "tiny.onnx", precision=precision, model="tiny")
    manifest = read_manifest(build_plan(onnx, tmp_path, targets=DEFAULT_TARGETS))
    assert manifest.inputs == read_manifest(onnx).inputs
    assert manifest.outputs == read_manifest(onnx).outputs


@pytest.mark.slow
def test_names_shapes_and_types_are_compared_before_the_build(tiny, tmp_path):
    manifest = read_manifest(tiny)
    first, *rest = manifest.inputs
    odd = (TensorSpec(first.name, first.shape, torch.float32), *rest)
    copy = tmp_path / tiny.name
    copy.write_bytes(tiny.read_bytes())
    changed = dataclasses.replace(manifest, inputs=odd)
    manifest_path(copy).write_text(changed.to_json())
    with pytest.raises(PlanMismatch, match="its inputs differ"):
        build_plan(copy, tmp_path)
    assert not list(tmp_path.glob("*.plan"))


@pytest.mark.slow
@pytest.mark.parametrize("targets", [(), (90,), (89, 89)])
def test_impossible_targets_are_refused(tiny, tmp_path, targets):
    with pytest.raises(ConfigError, match=r"target|cannot build for 90; here it can for: 75, 80"):
        build_plan(tiny, tmp_path, targets=targets)


@pytest.mark.slow
def test_what_is_no_network_is_refused(tiny, tmp_path):
    copy = tmp_path / "odd.onnx"
    copy.write_bytes(b"odd")
    manifest = dataclasses.replace(
        read_manifest(tiny),
        sha256="76f9bb5c8f4bac8b9ebf7a1ac7ef2dfb5d4a6e3a0f1b0ae8ba4d6c8c1b1f9f4e",
    )
    manifest_path(copy).write_text(manifest.to_json())
    with pytest.raises(PlanMismatch, match="was changed or cut short"):
        build_plan(copy, tmp_path)
    from stereocast.engine.artefact import sha256_of

    whole = dataclasses.replace(manifest, sha256=sha256_of(copy))
    manifest_path(copy).write_text(whole.to_json())
    with pytest.raises(StereocastError, match=r"tensorrt_rtx cannot read it: \S"):
        build_plan(copy, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Use Deprecated in TensorRT-RTX:DeprecationWarning")
def test_the_timing_cache_is_kept_between_builds(tmp_path):
    """Full TensorRT only; RTX still takes the calls, which is what can be tried without a GPU."""
    trt = find_tensorrt("tensorrt_rtx").module
    config = trt.Builder(trt.Logger(trt.Logger.ERROR)).create_builder_config()
    path = tmp_path / "folder" / "timing.cache"
    read_timing(config, path)
    write_timing(config, path)
    content = path.read_bytes()
    assert content
    read_timing(config, path)
    write_timing(config, path)
    assert path.read_bytes() == content


@pytest.mark.slow
def test_the_streaming_step_of_vits_is_built(tmp_path):
    step = StreamingStep(recipe.network("vits"), (140, 252), cache="u", storage=torch.float16)
    onnx = export_step(step, tmp_path / "vits.onnx", precision="fp16", model="vda-small")
    plan = build_plan(onnx, tmp_path, targets=DEFAULT_TARGETS)
    manifest = read_manifest(plan)
    check_file(plan, manifest)
    assert manifest.inputs[0] == TensorSpec("image", (1, 3, 140, 252), torch.float16)
    assert manifest.outputs[0] == TensorSpec("depth", (140, 252), torch.float32)
