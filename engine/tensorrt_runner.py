"""Run a TensorRT plan on the current CUDA stream: tensors are bound once, calls only enqueue.

Building plans is the business of export/.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.engine.artefact import check_file, check_specs, read_manifest
from stereocast.engine.errors import MissingDependency, PlanMismatch, StereocastError
from stereocast.engine.plan import FLAVOURS, check_plan, rebuild_command, tensor_names
from stereocast.engine.runner import TensorSpec
from stereocast.engine.tensorrt import TensorRT, find_tensorrt, local_capability, new_log


class TensorRTRunner:
    """Execute a plan; see `Runner`. Nothing waits for the device.

    Inputs must be contiguous memory of the device. As long as they lie where they lay in the call
    before, a call is one enqueue and can be captured in a CUDA graph.
    """

    def __init__(self, path: Path) -> None:
        """Load the plan and its manifest.

        Raises MissingDependency without TensorRT or a CUDA device, PlanMismatch for a plan that is
        damaged or was built for something else, with the command that rebuilds it.
        """
        self.manifest = read_manifest(path)
        wanted = self.manifest.key.get("flavour")
        tensorrt = find_tensorrt(wanted if wanted in FLAVOURS else None)
        here = dataclasses.replace(tensorrt.installation, capability=local_capability())
        check_plan(path, self.manifest, here)
        check_file(path, self.manifest)
        if here.capability is None:
            raise MissingDependency(f"{path}: a TensorRT plan needs a CUDA device; there is none")
        self.inputs, self.outputs = self.manifest.inputs, self.manifest.outputs
        self._names = tensor_names(self.manifest)
        self._log = new_log(tensorrt.module)
        self._runtime = tensorrt.module.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
        if self._engine is None:
            command = rebuild_command(path, self.manifest, [str(here.capability)])
            raise PlanMismatch(f"{path}: it cannot be loaded: {self._log.last} Rebuild: {command}")
        self._check_tensors(path, tensorrt)
        self._execution = self._engine.create_execution_context()
        self._buffers = {
            spec.name: torch.empty(spec.shape, dtype=spec.dtype, device="cuda")
            for spec in self.outputs
        }
        for name, buffer in self._buffers.items():
            self._execution.set_tensor_address(self._names[name], buffer.data_ptr())
        self._addresses: dict[str, int] = {}

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Enqueue the network once on the current stream; see `Runner.run`."""
        missing = [spec.name for spec in self.inputs if spec.name not in tensors]
        if missing:
            raise ValueError(f"the network needs the inputs {missing}, got {sorted(tensors)}")
        for spec in self.inputs:
            self._bind(spec, tensors[spec.name])
        if not self._execution.execute_async_v3(torch.cuda.current_stream().cuda_stream):
            raise StereocastError(f"TensorRT could not run the plan: {self._log.last}")
        return self._buffers

    def _bind(self, spec: TensorSpec, tensor: Tensor) -> None:
        spec.check(tensor)
        if not tensor.is_contiguous() or tensor.device.type != "cuda":
            raise ValueError(
                f"the network's '{spec.name}' must be contiguous memory of the CUDA device, got "
                f"strides {tensor.stride()} on {tensor.device}"
            )
        if self._addresses.get(spec.name) != tensor.data_ptr():
            self._execution.set_tensor_address(self._names[spec.name], tensor.data_ptr())
            self._addresses[spec.name] = tensor.data_ptr()

    def _check_tensors(self, path: Path, tensorrt: TensorRT) -> None:
        """Compare what the loaded plan says of its tensors with the manifest, side by side."""
        engine, modes = self._engine, tensorrt.module.TensorIOMode
        found: dict[Any, list[TensorSpec]] = {modes.INPUT: [], modes.OUTPUT: []}
        for index in range(engine.num_io_tensors):
            name = engine.get_tensor_name(index)
            shape, dtype = engine.get_tensor_shape(name), engine.get_tensor_dtype(name)
            found[engine.get_tensor_mode(name)].append(tensorrt.spec(name, shape, dtype))
        sides = (("inputs", found[modes.INPUT]), ("outputs", found[modes.OUTPUT]))
        for side, specs in sides:
            expected = tuple(
                dataclasses.replace(spec, name=self._names[spec.name])
                for spec in getattr(self.manifest, side)
            )
            check_specs(path, side, found=_by_name(specs), expected=_by_name(expected))


def _by_name(specs: list[TensorSpec] | tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    return tuple(sorted(specs, key=lambda spec: spec.name))
