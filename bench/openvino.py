"""An ONNX step on OpenVINO, to compare with; the product does not use it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from stereocast.engine.errors import MissingDependency
from stereocast.engine.onnx_runner import OnnxRunner

Precision = Literal["f32", "bf16"]


class OpenVinoRunner:
    """Execute an ONNX file with OpenVINO on one thread; see `Runner`.

    Raises MissingDependency without OpenVINO.
    """

    def __init__(self, path: Path, *, precision: Precision = "f32") -> None:
        try:
            import openvino
        except ImportError as error:
            raise MissingDependency(f"OpenVINO is absent ({error}): pip install openvino") from None
        described = OnnxRunner(path)
        self.inputs, self.outputs = described.inputs, described.outputs
        options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1}
        self._request = openvino.compile_model(str(path), "CPU", options).create_infer_request()
        self._tensor = openvino.Tensor
        self._buffers = {
            spec.name: torch.empty(spec.shape, dtype=spec.dtype) for spec in self.outputs
        }
        for name, buffer in self._buffers.items():
            self._request.set_tensor(name, self._tensor(buffer.numpy(), shared_memory=True))

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Execute the network once; see `Runner.run`."""
        for spec in self.inputs:
            spec.check(tensors[spec.name])
            shared = self._tensor(tensors[spec.name].numpy(), shared_memory=True)
            self._request.set_tensor(spec.name, shared)
        self._request.infer()
        return self._buffers
