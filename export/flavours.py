"""The installed TensorRT: which flavour, for which devices it builds, how it reports.

The only place of this room that imports it. Building is in `to_plan`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from stereocast.engine.errors import ConfigError, MissingDependency
from stereocast.engine.plan import FLAVOURS, Installation
from stereocast.engine.runner import TensorSpec

Progress = Callable[[str, int, int], None]
"""Told of a phase of the build: its name, steps done, steps in all."""


@dataclass(frozen=True)
class TensorRT:
    """One flavour of TensorRT as it is installed here."""

    module: Any
    installation: Installation

    @property
    def builds_ahead(self) -> bool:
        """Whether it builds for devices that are not here; only RTX does."""
        return self.installation.flavour == "tensorrt_rtx"

    def targets(self) -> tuple[int, ...]:
        """Return the compute capabilities that plans can be built for, here."""
        if not self.builds_ahead:
            if not torch.cuda.is_available():
                return ()
            major, minor = torch.cuda.get_device_capability()
            return (10 * major + minor,)
        names = [name for name in dir(self.module.ComputeCapability) if name.startswith("SM")]
        return tuple(sorted(int(name.removeprefix("SM")) for name in names))

    def specs(self, tensors: list[Any]) -> tuple[TensorSpec, ...]:
        """Return names, shapes and types of tensors of a parsed network."""
        kinds = self.module.DataType
        types = {
            kinds.HALF: torch.float16,
            kinds.FLOAT: torch.float32,
            kinds.INT64: torch.int64,
            kinds.INT32: torch.int32,
        }
        return tuple(
            TensorSpec(tensor.name, tuple(tensor.shape), types[tensor.dtype]) for tensor in tensors
        )


def find_tensorrt(flavour: str | None = None) -> TensorRT:
    """Return the installed TensorRT: of `flavour`, or the first of `FLAVOURS` that is there.

    Raises MissingDependency that names the command, ConfigError for an unknown flavour.
    """
    if flavour is not None and flavour not in FLAVOURS:
        raise ConfigError(f"'{flavour}' is not one of {', '.join(FLAVOURS)}")
    imports = {"tensorrt_rtx": _tensorrt_rtx, "tensorrt": _tensorrt}
    for name in FLAVOURS if flavour is None else (flavour,):
        try:
            module = imports[name]()
        except ImportError:
            continue
        return TensorRT(module, Installation(name, str(module.__version__)))
    raise MissingDependency(
        f"building a plan needs {flavour or 'tensorrt-rtx or tensorrt'}: "
        "pip install 'stereocast[rtx]'"
    )


def _tensorrt_rtx() -> ModuleType:
    import tensorrt_rtx

    module: ModuleType = tensorrt_rtx
    return module


def _tensorrt() -> ModuleType:
    import tensorrt

    module: ModuleType = tensorrt
    return module


def new_log(trt: Any) -> Any:
    """Return a logger for TensorRT that prints nothing and keeps the last error as `last`."""

    class Log(trt.ILogger):  # type: ignore[misc]  # the base is known when a flavour is
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last = "it gives no reason"

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.last = message

    return Log()


def new_monitor(trt: Any, progress: Progress) -> Any:
    """Return a monitor that tells `progress` of the build's phases."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.totals: dict[str, int] = {}

        def phase_start(self, phase: str, _parent: str | None, steps: int) -> None:
            self.totals[phase] = steps
            progress(phase, 0, steps)

        def step_complete(self, phase: str, step: int) -> bool:
            progress(phase, step + 1, self.totals[phase])
            return True

        def phase_finish(self, phase: str) -> None:
            progress(phase, self.totals[phase], self.totals[phase])

    return Monitor()
