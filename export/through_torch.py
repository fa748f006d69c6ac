"""From a PyTorch step to a TensorRT plan by torch-tensorrt: a second road, where it is installed.

Its limits: torch-tensorrt needs full TensorRT of the one minor version it was made for and a CUDA
device to build on and for, so there is one target, the device here; an operator that it cannot
convert fails the build; it names the plan's tensors itself, so the manifest records those names.
The plan is made from the module, not from the exported ONNX file that was compared with PyTorch:
`to_plan` is the first road for that reason.
"""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from stereocast.engine.errors import (
    ConfigError,
    MissingDependency,
    PlanMismatch,
    StereocastError,
)
from stereocast.engine.plan import NAMES, plan_key
from stereocast.engine.runner import TensorSpec
from stereocast.engine.tensorrt import TensorRT, find_tensorrt, local_capability, new_log
from stereocast.export.manifest import Built, write_artefact
from stereocast.export.steps import Step, halved
from stereocast.export.store import Export, is_whole

DEVICE = "cuda"
_KEY_DIGITS = 12


def check_torch_tensorrt(targets: tuple[int, ...] | None = None) -> int:
    """Return the compute capability that a plan can be built for: that of the device here.

    Raises MissingDependency without torch-tensorrt, TensorRT or a CUDA device, ConfigError for any
    other `targets`.
    """
    _torch_tensorrt()
    find_tensorrt("tensorrt")
    here = local_capability()
    if here is None:
        raise MissingDependency("torch-tensorrt builds on the device it builds for: none is here")
    if targets not in (None, (here,)):
        raise ConfigError(f"torch-tensorrt builds for the device here only: --targets {here}")
    return here


def build_plan_through_torch(step: Step, export: Export, folder: Path) -> Path:
    """Return the plan of `step` in `folder`, built now if it is not there.

    step  in float32, with the weights, grid, cache and storage that `export` names

    Raises as `check_torch_tensorrt`; ConfigError for int8, PlanMismatch if what was built has other
    tensors than the step, StereocastError if torch-tensorrt refuses.
    """
    if export.precision == "int8":
        raise ConfigError("torch-tensorrt builds fp32 or fp16 plans here, not int8")
    here = check_torch_tensorrt()
    compiler, tensorrt = _torch_tensorrt(), find_tensorrt("tensorrt")
    key = plan_key(export.weights_sha256, tensorrt.installation, (here,))
    key["road"] = f"torch-tensorrt {compiler.__version__}"
    digest = hashlib.sha256(repr((export, sorted(key.items()))).encode()).hexdigest()
    stem = export.file_name().removesuffix(".onnx")
    path = folder / f"{stem}-{digest[:_KEY_DIGITS]}.plan"
    if is_whole(path):
        return path
    step = halved(step) if export.precision == "fp16" else copy.deepcopy(step)
    content = _compile(compiler, step, export.model)
    key[NAMES] = json.dumps(_names(path, content, step, tensorrt))
    built = Built(
        model=export.model,
        grid=step.grid,
        cache=step.cache,
        precision=export.precision,
        inputs=step.input_specs(),
        outputs=step.output_specs(),
        built_with=("torch",),
        key=key,
    )
    return write_artefact(path, content, built)


def _torch_tensorrt() -> Any:
    try:
        import torch_tensorrt
    except (ImportError, OSError) as error:  # its libraries are found or not while it is imported
        raise MissingDependency(
            f"this road to a plan needs torch-tensorrt and full TensorRT ({error}): "
            "pip install 'stereocast[torch-tensorrt]', or leave --builder out"
        ) from None
    return torch_tensorrt


def _compile(compiler: Any, step: Step, model: str) -> bytes:
    step = step.to(DEVICE)
    inputs = tuple(
        torch.zeros(spec.shape, dtype=spec.dtype, device=DEVICE) for spec in step.input_specs()
    )
    try:
        program = torch.export.export(step, inputs)
        # Precision is in the module, as it is in the ONNX file.
        plan = compiler.dynamo.convert_exported_program_to_serialized_trt_engine(
            program, arg_inputs=inputs, use_explicit_typing=True
        )
    except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise StereocastError(f"torch-tensorrt cannot build {model}: {reason}") from error
    return bytes(plan)


def _names(path: Path, plan: bytes, step: Step, tensorrt: TensorRT) -> dict[str, str]:
    """Return our names of the plan's tensors and its own, after comparing shapes and types."""
    trt = tensorrt.module
    log = new_log(trt)
    engine = trt.Runtime(log).deserialize_cuda_engine(plan)
    if engine is None:
        raise StereocastError(f"{path}: what torch-tensorrt built cannot be loaded: {log.last}")
    found: dict[Any, list[TensorSpec]] = {trt.TensorIOMode.INPUT: [], trt.TensorIOMode.OUTPUT: []}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        shape, dtype = engine.get_tensor_shape(name), engine.get_tensor_dtype(name)
        found[engine.get_tensor_mode(name)].append(tensorrt.spec(name, shape, dtype))
    names: dict[str, str] = {}
    for mode, wanted in (
        (trt.TensorIOMode.INPUT, step.input_specs()),
        (trt.TensorIOMode.OUTPUT, step.output_specs()),
    ):
        if [_kind(spec) for spec in found[mode]] != [_kind(spec) for spec in wanted]:
            raise PlanMismatch(
                f"{path}: torch-tensorrt built other tensors than the network has: "
                f"{[str(spec) for spec in found[mode]]}; leave --builder out"
            )
        names |= {ours.name: theirs.name for ours, theirs in zip(wanted, found[mode], strict=True)}
    return names


def _kind(spec: TensorSpec) -> tuple[tuple[int, ...], torch.dtype]:
    return spec.shape, spec.dtype
