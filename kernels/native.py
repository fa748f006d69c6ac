"""The one place that knows whether the native CPU module was built, and its number of threads."""

from __future__ import annotations

from types import ModuleType

from torch import Tensor

_module: ModuleType | None
try:
    from stereocast.kernels import _native as _module
except ImportError as error:
    _module = None
    _reason = f"the native module was not built ({error})"
else:
    _reason = ""


def serving(*tensors: Tensor) -> ModuleType | None:
    """Return the native module if it exists and can serve `tensors` (on the CPU), else None."""
    if _module is None or any(tensor.device.type != "cpu" for tensor in tensors):
        return None
    return _module


def description() -> str:
    """Say which CPU kernels are in use, in words for `doctor` and reports."""
    if _module is None:
        return f"reference kernels (slow): {_reason}; install a C++ compiler and reinstall"
    count = _module.threads()
    return f"native kernels, {count} thread{'s' if count > 1 else ''}"


def set_threads(count: int) -> None:
    """Let `count` threads (>= 1, the caller included) work on one native call.

    Without the native module there is nothing to set. Raises ValueError outside [1, 256].
    """
    if not 1 <= count <= 256:
        raise ValueError(f"threads must be in [1, 256], got {count}")
    if _module is not None:
        _module.set_threads(count)


def retain_freed_memory() -> None:
    """Keep freed pages in this process, so that frames do not fault them in again and again.

    A process-wide choice for programs that stream; a library user is left alone unless it calls
    this. Without the native module, or off glibc, it does nothing.
    """
    if _module is not None:
        _module.retain_freed_memory()
