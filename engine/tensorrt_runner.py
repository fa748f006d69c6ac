"""Run a TensorRT plan on the current CUDA stream: bound once, calls only enqueue.

Building plans is the business of export/.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.engine.artefact import check_file, check_specs, read_manifest
from stereocast.engine.errors import MissingDependency, PlanMismatch, StereocastError
from stereocast.engine.plan import FLAVOURS, check_plan, rebuild_command, tensor_names
from stereocast.engine.runner import TensorSpec
from stereocast.engine.tensorrt import (
    TensorRT,
    current_on,
    find_tensorrt,
    is_capturing,
    local_capability,
    new_log,
    stream_of,
)

ALIGNMENT = 256
"""TensorRT reads tensors only at multiples of so many bytes."""


class TensorRTRunner:
    """Execute a plan; see `Runner`. Nothing waits for the device, nothing is allocated.

    Every tensor of the plan has one address for good, so that a captured graph stays true whatever
    is done with the runner later: outputs, and inputs that pass by, lie in buffers of the runner,
    into which a call copies; what a stream keeps, such as rings, is read where it lies.
    """

    def __init__(
        self, path: Path, *, device: torch.device | None = None,
        passing: Collection[str] | None = None,
    ) -> None:  # fmt: skip
        """Load the plan and its manifest.

        device   None: the current CUDA device
        passing  names of inputs that are new with every frame; the others lie at one address for a
                 whole stream and are not copied. None: all pass

        Raises MissingDependency without TensorRT or a CUDA device, PlanMismatch for a plan that is
        damaged or was built for something else, with the command that rebuilds it.
        """
        device = device or torch.device("cuda")
        self.manifest = read_manifest(path)
        wanted = self.manifest.key.get("flavour")
        tensorrt = find_tensorrt(wanted if wanted in FLAVOURS else None)
        here = dataclasses.replace(tensorrt.installation, capability=local_capability(device))
        check_plan(path, self.manifest, here)
        check_file(path, self.manifest)
        if here.capability is None:
            raise MissingDependency(f"{path}: a TensorRT plan needs a CUDA device; there is none")
        self.inputs, self.outputs = self.manifest.inputs, self.manifest.outputs
        self._names = tensor_names(self.manifest)
        names = [spec.name for spec in self.inputs]
        self._held: dict[str, int | None] = (
            {} if passing is None else {name: None for name in names if name not in passing}
        )
        self._log = new_log(tensorrt.module)
        with current_on(device):
            self._runtime = tensorrt.module.Runtime(self._log)
            self._engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
            if self._engine is None:
                command = rebuild_command(path, self.manifest, [str(here.capability)])
                raise PlanMismatch(
                    f"{path}: it cannot be loaded: {self._log.last} Rebuild: {command}"
                )
            self._check_tensors(path, tensorrt)
            self._execution = self._engine.create_execution_context()
        if self._execution is None:
            raise StereocastError(f"{path}: TensorRT cannot prepare it: {self._log.last}")
        own = [spec for spec in self.inputs if spec.name not in self._held]
        self._own, self._buffers = self._bound(own, device), self._bound(self.outputs, device)
        self._device = next(iter(self._buffers.values())).device
        self._is_proved = False

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Enqueue the network once on the current stream; see `Runner.run`.

        Raises StereocastError for a plan that no graph can hold, and where a held input has moved
        while a graph is captured.
        """
        missing = [spec.name for spec in self.inputs if spec.name not in tensors]
        if missing:
            raise ValueError(f"the network needs the inputs {missing}, got {sorted(tensors)}")
        for spec in self.inputs:
            tensor = tensors[spec.name]
            spec.check(tensor)
            if tensor.device != self._device:
                raise ValueError(
                    f"the network's '{spec.name}' must be on {self._device}, got {tensor.device}"
                )
            if spec.name in self._held:
                self._hold(spec, tensor)
            else:
                self._own[spec.name].copy_(tensor)
        stream = stream_of(self._device)
        self._prove(stream)
        if not self._execution.execute_async_v3(stream):
            raise StereocastError(f"TensorRT could not run the plan: {self._log.last}")
        return self._buffers

    def _bound(self, specs: Collection[TensorSpec], device: torch.device) -> dict[str, Tensor]:
        """Return a buffer for each, at the address that the plan knows from now on."""
        buffers = {
            spec.name: torch.empty(spec.shape, dtype=spec.dtype, device=device) for spec in specs
        }
        for name, buffer in buffers.items():
            self._set_address(name, buffer)
        return buffers

    def _hold(self, spec: TensorSpec, tensor: Tensor) -> None:
        """See to it that the plan reads a held input where it lies now."""
        if self._held[spec.name] == tensor.data_ptr():
            return
        if is_capturing(self._device):
            raise StereocastError(
                f"the network's '{spec.name}' has moved since the steps before capturing: a graph "
                "would read it where it was"
            )
        if not tensor.is_contiguous():
            raise ValueError(
                f"the network's '{spec.name}' must be contiguous, got strides {tensor.stride()}"
            )
        self._set_address(spec.name, tensor)
        self._held[spec.name] = tensor.data_ptr()

    def _set_address(self, name: str, tensor: Tensor) -> None:
        address = tensor.data_ptr()
        if address % ALIGNMENT:
            raise ValueError(
                f"the network's '{name}' must lie at a multiple of {ALIGNMENT} bytes, "
                f"got {address:#x}"
            )
        if not self._execution.set_tensor_address(self._names[name], address):
            raise StereocastError(f"TensorRT refuses the tensor '{name}': {self._log.last}")

    def _prove(self, stream: int) -> None:
        """Ask once whether a graph can hold the plan; full TensorRT has no such question."""
        if self._is_proved:
            return
        ask = getattr(self._execution, "is_stream_capturable", None)
        if ask is not None and not ask(stream):
            raise StereocastError(
                "this TensorRT plan allocates while it runs, which no CUDA graph can hold: build "
                "it anew with this version, or choose the runner torch"
            )
        self._is_proved = True

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
