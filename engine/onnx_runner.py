"""Run an ONNX file on the CPU with ONNX Runtime; only this module runs that in a stream.

Tensors are bound where they lie, so that the memory of a stream is never copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stereocast.engine.artefact import (
    Manifest,
    check_file,
    check_specs,
    manifest_path,
    read_manifest,
)
from stereocast.engine.errors import ConfigError, MissingDependency, PlanMismatch
from stereocast.engine.onnx_runtime import onnx_runtime
from stereocast.engine.runner import TensorSpec

_TYPES: dict[str, tuple[torch.dtype, type[np.generic]]] = {
    "tensor(float)": (torch.float32, np.float32),
    "tensor(float16)": (torch.float16, np.float16),
    "tensor(double)": (torch.float64, np.float64),
    "tensor(int64)": (torch.int64, np.int64),
    "tensor(int32)": (torch.int32, np.int32),
    "tensor(uint8)": (torch.uint8, np.uint8),
}
_ELEMENTS = dict(_TYPES.values())
_ERRORS_ONLY = 3  # of ONNX Runtime's levels of severity


class OnnxRunner:
    """Execute an ONNX file with static shapes; see `Runner`.

    path     the file; where a manifest lies beside it, the file must be the one it describes
    threads  that share one operator; waiting threads sleep
    shapes   of inputs whose shapes the file leaves open; then it runs once to learn its outputs'
    """

    def __init__(
        self, path: Path, *, threads: int = 1, shapes: Mapping[str, tuple[int, ...]] | None = None
    ) -> None:
        """Load the file.

        Raises MissingDependency without ONNX Runtime, PlanMismatch for a file that is damaged, has
        shapes that are not fixed, or does not fit its manifest.
        """
        if threads < 1:
            raise ConfigError(f"an ONNX network needs at least 1 thread, got {threads}")
        self.manifest: Manifest | None = None
        if manifest_path(path).exists():
            self.manifest = read_manifest(path)
            check_file(path, self.manifest)
        self._session = _open(path, threads)
        self.inputs = _specs(path, self._session.get_inputs(), shapes or {})
        found = _output_shapes(path, self._session, self.inputs) if shapes else {}
        self.outputs = _specs(path, self._session.get_outputs(), found)
        if self.manifest is not None:
            check_specs(path, "inputs", found=self.inputs, expected=self.manifest.inputs)
            check_specs(path, "outputs", found=self.outputs, expected=self.manifest.outputs)
        self._buffers = {
            spec.name: torch.empty(spec.shape, dtype=spec.dtype) for spec in self.outputs
        }
        self._addresses: dict[str, int] = {}
        self._binding = self._session.io_binding()
        for spec in self.outputs:
            self._binding.bind_output(*_place(spec, self._buffers[spec.name]))

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Execute the network once; see `Runner.run`. Inputs must be contiguous, on the CPU."""
        missing = [spec.name for spec in self.inputs if spec.name not in tensors]
        if missing:
            raise ValueError(f"the network needs the inputs {missing}, got {sorted(tensors)}")
        for spec in self.inputs:
            self._bind(spec, tensors[spec.name])
        self._session.run_with_iobinding(self._binding)
        return self._buffers

    def _bind(self, spec: TensorSpec, tensor: Tensor) -> None:
        spec.check(tensor)
        if not tensor.is_contiguous() or tensor.device.type != "cpu":
            raise ValueError(
                f"the network's '{spec.name}' must be contiguous memory of the CPU, got strides "
                f"{tensor.stride()} on {tensor.device}"
            )
        # Binding costs 3 µs; rings lie where they lay, and only their content changes.
        if self._addresses.get(spec.name) != tensor.data_ptr():
            self._binding.bind_input(*_place(spec, tensor))
            self._addresses[spec.name] = tensor.data_ptr()


def _open(path: Path, threads: int) -> Any:
    try:
        onnxruntime = onnx_runtime()
    except ImportError as error:
        raise MissingDependency(
            f"{path} needs ONNX Runtime ({error}): pip install onnxruntime"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not path.is_file():
        raise PlanMismatch(f"{path}: there is no such file; export the model first")
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors have no common class but this one
        first = str(error).strip().partition("\n")[0]
        raise PlanMismatch(
            f"{path}: ONNX Runtime cannot load it: {first}. Export the model again."
        ) from error


def _specs(
    path: Path, arguments: Sequence[Any], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[TensorSpec, ...]:
    specs = []
    for argument in arguments:
        shape = shapes.get(argument.name, argument.shape)
        if argument.type not in _TYPES or not all(isinstance(n, int) for n in shape):
            raise PlanMismatch(
                f"{path}: '{argument.name}' is {argument.type} {shape}; a network needs numbers "
                f"and a fixed shape: export it with one"
            )
        specs.append(TensorSpec(argument.name, tuple(shape), _TYPES[argument.type][0]))
    return tuple(specs)


def _output_shapes(
    path: Path, session: Any, inputs: tuple[TensorSpec, ...]
) -> dict[str, tuple[int, ...]]:
    """Return what comes out, by name, when zeros of these shapes go in."""
    names = [argument.name for argument in session.get_outputs()]
    try:
        results = session.run(
            names, {spec.name: np.zeros(spec.shape, _ELEMENTS[spec.dtype]) for spec in inputs}
        )
    except Exception as error:  # as in `_open`
        first = str(error).strip().partition("\n")[0]
        shapes = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in inputs)
        raise PlanMismatch(f"{path}: it does not run with {shapes}: {first}") from error
    return {name: tuple(result.shape) for name, result in zip(names, results, strict=True)}


def _place(spec: TensorSpec, tensor: Tensor) -> tuple[str, str, int, Any, tuple[int, ...], int]:
    """Return what a binding wants to know of a tensor."""
    return spec.name, "cpu", 0, _ELEMENTS[spec.dtype], spec.shape, tensor.data_ptr()
