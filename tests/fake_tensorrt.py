"""TensorRT as far as a runner uses it, on the CPU's memory, by its rules.

A plan's content is the number of a module; an execution context reads its tensors at the addresses
it was given and at no others, and writes there. What TensorRT or a captured graph would not forgive
is an error here: an unknown name, an address that is not set or not aligned, the default stream, a
change while a graph is captured. tests/export/test_plan_contract.py holds the names against the
real package's classes.
"""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stereocast.engine import tensorrt_runner
from stereocast.engine.plan import Installation, plan_key
from stereocast.engine.runner import TensorSpec
from stereocast.engine.tensorrt import TensorRT
from stereocast.export.manifest import Built, write_artefact

STREAM = 7
"""The handle of the only stream."""
ALIGNMENT = 64
"""That of the CPU's allocator; a GPU's gives more, and TensorRT wants 256."""


class TensorIOMode(enum.Enum):
    NONE, INPUT, OUTPUT = range(3)


class DataType(enum.Enum):
    FLOAT, HALF, INT32, INT64 = range(4)


_TYPES = {
    torch.float32: DataType.FLOAT,
    torch.float16: DataType.HALF,
    torch.int32: DataType.INT32,
    torch.int64: DataType.INT64,
}


class ILogger:
    class Severity(enum.Enum):
        INTERNAL_ERROR, ERROR, WARNING = range(3)


@dataclass
class Machine:
    """The device: what was asked of it, in order.

    calls     ("address", name, pointer), ("enqueue", stream), ("context",)
    graph     launches that a replay repeats
    """

    programs: list[tuple[nn.Module, tuple[TensorSpec, ...], tuple[TensorSpec, ...]]] = field(
        default_factory=list
    )
    calls: list[tuple[object, ...]] = field(default_factory=list)
    graph: list[Callable[[], None]] = field(default_factory=list)
    is_capturing: bool = False
    is_capturable: bool = True

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """Capture what is enqueued inside, which is not executed."""
        self.is_capturing = True
        try:
            yield
        finally:
            self.is_capturing = False

    def replay(self) -> None:
        for launch in self.graph:
            launch()

    def plan(self, folder: Path, module: nn.Module, model: str, *, capability: int = 89) -> Path:
        """Write a plan of a step with its manifest."""
        inputs, outputs = module.input_specs(), module.output_specs()
        self.programs.append((module, inputs, outputs))
        key = plan_key("0" * 64, Installation("tensorrt_rtx", "1.7"), (capability,))
        built = Built(model, module.grid, module.cache, "fp32", inputs, outputs, (), key)
        content = str(len(self.programs) - 1).encode()
        return write_artefact(folder / f"{model}.plan", content, built)

    def tensorrt(self) -> TensorRT:
        """Return it as it would be found installed."""
        return TensorRT(Module(self), Installation("tensorrt_rtx", "1.7"))


@dataclass
class Module:
    """What `import tensorrt_rtx` gives."""

    machine: Machine
    TensorIOMode = TensorIOMode
    DataType = DataType
    ILogger = ILogger

    def Runtime(self, log: Any) -> Runtime:  # TensorRT's own name
        return Runtime(self.machine, log)


@dataclass
class Runtime:
    machine: Machine
    log: Any

    def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
        if not plan.isdigit():
            self.log.log(ILogger.Severity.ERROR, "this is no plan.")
            return None
        return Engine(self.machine, *self.machine.programs[int(plan)])


class Engine:
    def __init__(
        self, machine: Machine, module: nn.Module, inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:  # fmt: skip
        self.machine, self.module = machine, module
        self.inputs, self.outputs = inputs, outputs
        self.specs = {spec.name: spec for spec in (*inputs, *outputs)}
        self.num_io_tensors = len(self.specs)

    def get_tensor_name(self, index: int) -> str:
        return list(self.specs)[index]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.specs[name].shape

    def get_tensor_dtype(self, name: str) -> DataType:
        return _TYPES[self.specs[name].dtype]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        is_input = self.specs[name] in self.inputs
        return TensorIOMode.INPUT if is_input else TensorIOMode.OUTPUT

    def create_execution_context(self) -> ExecutionContext:
        assert not self.machine.is_capturing, "a context allocates: not while capturing"
        self.machine.calls.append(("context",))
        return ExecutionContext(self)


class ExecutionContext:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.machine = engine, engine.machine
        self.addresses: dict[str, int] = {}

    def set_tensor_address(self, name: str, memory: int) -> bool:
        assert not self.machine.is_capturing, f"'{name}' is bound anew while capturing"
        if name not in self.engine.specs or memory % ALIGNMENT:
            return False
        self.machine.calls.append(("address", name, memory))
        self.addresses[name] = memory
        return True

    def is_stream_capturable(self, stream: int) -> bool:
        return self.machine.is_capturable

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == STREAM, "the default stream waits for all others"
        if set(self.addresses) != set(self.engine.specs):
            return False
        self.machine.calls.append(("enqueue", stream_handle))
        baked = dict(self.addresses)
        if self.machine.is_capturing:
            self.machine.graph.append(lambda: self._execute(baked))
        else:
            self._execute(baked)
        return True

    def _execute(self, addresses: dict[str, int]) -> None:
        def at(spec: TensorSpec) -> Tensor:
            size = prod(spec.shape) * spec.dtype.itemsize
            memory = (ctypes.c_char * size).from_address(addresses[spec.name])
            return torch.frombuffer(memory, dtype=spec.dtype).view(spec.shape)

        with torch.inference_mode():
            results = self.engine.module(*(at(spec) for spec in self.engine.inputs))
            results = (results,) if isinstance(results, Tensor) else results
            for spec, result in zip(self.engine.outputs, results, strict=True):
                at(spec).copy_(result)


def installed(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Let runners find it on a device of capability 89 whose memory is the CPU's."""
    made = Machine()
    monkeypatch.setattr(tensorrt_runner, "find_tensorrt", lambda _: made.tensorrt())
    monkeypatch.setattr(tensorrt_runner, "local_capability", lambda _: 89)
    monkeypatch.setattr(tensorrt_runner, "current_on", lambda _: nullcontext())
    monkeypatch.setattr(tensorrt_runner, "stream_of", lambda _: STREAM)
    monkeypatch.setattr(tensorrt_runner, "is_capturing", lambda _: made.is_capturing)
    monkeypatch.setattr(tensorrt_runner, "ALIGNMENT", ALIGNMENT)
    return made
