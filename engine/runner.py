"""Runners execute one network on named tensors of fixed shape, and know nothing about video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import torch
from torch import Tensor, nn

RUNNERS = ("auto", "torch", "onnx", "tensorrt")
"""What a setting may say of who runs a network; not each is everywhere."""


@dataclass(frozen=True)
class TensorSpec:
    """Name, shape and dtype of one input or output of a network."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32

    def check(self, tensor: Tensor) -> None:
        """Raise ValueError unless `tensor` fits."""
        if tuple(tensor.shape) != self.shape or tensor.dtype != self.dtype:
            raise ValueError(
                f"the network's '{self.name}' is {self.dtype} {self.shape}, "
                f"got {tensor.dtype} {tuple(tensor.shape)}"
            )


class Runner(Protocol):
    """One network, ready to run."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Execute the network once.

        The results live in buffers of the runner: the next call overwrites them. Raises ValueError
        if an input is missing or does not fit its specification.
        """


class TorchRunner:
    """Run a module with PyTorch: the reference of every other runner.

    `module` takes the inputs in the order of `inputs` and returns a tensor or a tuple of tensors in
    the order of `outputs`.
    """

    def __init__(
        self, module: nn.Module, *, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._module = module.eval()
        device = next((tensor.device for tensor in _tensors(module)), torch.device("cpu"))
        self._buffers = {
            spec.name: torch.empty(spec.shape, dtype=spec.dtype, device=device) for spec in outputs
        }

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Execute the module once; see `Runner.run`."""
        missing = [spec.name for spec in self.inputs if spec.name not in tensors]
        if missing:
            raise ValueError(f"the network needs the inputs {missing}, got {sorted(tensors)}")
        for spec in self.inputs:
            spec.check(tensors[spec.name])
        with torch.inference_mode():
            results = self._module(*(tensors[spec.name] for spec in self.inputs))
            results = (results,) if isinstance(results, Tensor) else results
            for spec, result in zip(self.outputs, results, strict=True):
                spec.check(result)
                self._buffers[spec.name].copy_(result)
        return self._buffers


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())
