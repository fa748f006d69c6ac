"""The installed TensorRT: which flavour it is, for which devices it builds, what it says.

The only place that imports it. Plans are built in export/ and run in `tensorrt_runner`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from stereocast.engine.errors import ConfigError, MissingDependency
from stereocast.engine.plan import FLAVOURS, Installation
from stereocast.engine.runner import TensorSpec


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
            here = local_capability()
            return () if here is None else (here,)
        names = [name for name in dir(self.module.ComputeCapability) if name.startswith("SM")]
        return tuple(sorted(int(name.removeprefix("SM")) for name in names))

    def spec(self, name: str, shape: Iterable[int], dtype: Any) -> TensorSpec:
        """Return the specification of a tensor with TensorRT's `dtype`."""
        kinds = self.module.DataType
        types = {
            kinds.HALF: torch.float16,
            kinds.FLOAT: torch.float32,
            kinds.INT64: torch.int64,
            kinds.INT32: torch.int32,
        }
        return TensorSpec(name, tuple(shape), types[dtype])


def local_capability(device: torch.device | None = None) -> int | None:
    """Return the compute capability of a CUDA device here, such as 89; None without one.

    device  None: the current one
    """
    if not torch.cuda.is_available():
        return None
    major, minor = torch.cuda.get_device_capability(device)
    return 10 * major + minor


def current_on(device: torch.device) -> AbstractContextManager[object]:
    """Make a CUDA device the one that TensorRT loads on, inside."""
    return torch.cuda.device(device)


def stream_of(device: torch.device) -> int:
    """Return the handle of PyTorch's current stream on a CUDA device."""
    handle: int = torch.cuda.current_stream(device).cuda_stream
    return handle


def is_capturing(device: torch.device) -> bool:
    """Return whether PyTorch's current stream there is being captured as a graph."""
    with torch.cuda.device(device):
        return torch.cuda.is_current_stream_capturing()


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
        f"a TensorRT plan needs {flavour or 'tensorrt-rtx or tensorrt'}: "
        "pip install 'stereocast[rtx]'"
    )


def tensorrt_for(capability: int) -> TensorRT:
    """Return the installed TensorRT that builds for a device here, such as 89.

    Raises MissingDependency without any, ConfigError where none of them does.
    """
    installed = []
    for flavour in FLAVOURS:
        try:
            installed.append(find_tensorrt(flavour))
        except MissingDependency:
            continue
    if not installed:
        return find_tensorrt()
    for tensorrt in installed:
        if capability in tensorrt.targets():
            return tensorrt
    names = " and ".join(each.installation.flavour for each in installed)
    raise ConfigError(
        f"{names} builds no plan for sm_{capability}: choose the runner torch, or install full "
        "TensorRT: https://docs.nvidia.com/deeplearning/tensorrt"
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
