"""Run compiled kernels on a CUDA device: load once, launch on PyTorch's current stream.

Only this module loads and launches, through cuda.core; `compiler` makes what it loads. A Loader
belongs to whoever made it (a session, a bench): nothing is shared behind anybody's back.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.kernels.compiler import SUPPORTED, CompilerMissing, compile_kernel
from stereocast.kernels.signatures import Argument, Parameter, check, signatures
from stereocast.kernels.sources import KERNELS, CudaSource, read_source

_NUMBERS: dict[str, Any] = {
    "i8": ctypes.c_int8,
    "u8": ctypes.c_uint8,
    "i16": ctypes.c_int16,
    "u16": ctypes.c_uint16,
    "i32": ctypes.c_int32,
    "u32": ctypes.c_uint32,
    "i64": ctypes.c_int64,
    "u64": ctypes.c_uint64,
    "f32": ctypes.c_float,
    "f64": ctypes.c_double,
}
_STATIC_SHARED = 48 << 10  # bytes that any kernel may use without asking


class LaunchError(RuntimeError):
    """The device refuses a kernel; the text names it and carries CUDA's own words."""


class UnsupportedDevice(RuntimeError):
    """There is no kernel for a device of this architecture."""


def architecture_for(capability: tuple[int, int]) -> int:
    """Return which of SUPPORTED runs on a device of compute capability (major, minor).

    A cubin runs on its own minor version and later ones of the same major version.
    Raises UnsupportedDevice for a device that none of them runs on.
    """
    major, minor = capability
    fitting = [a for a in SUPPORTED if a // 10 == major and a % 10 <= minor]
    if not fitting:
        known = ", ".join(f"{a // 10}.{a % 10}" for a in SUPPORTED)
        raise UnsupportedDevice(
            f"kernels are compiled for compute capability {known}; this device has {major}.{minor}"
        )
    return max(fitting)


class Loader:
    """Compile, load and launch the kernels of every operation, each once per device.

    cache  folder of cubins that outlives the process; None: compiled anew, 0.2 s per operation
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._core = _core()
        self._libraries: dict[tuple[str, int], Any] = {}
        self._kernels: dict[tuple[str, int], _LoadedKernel] = {}
        self.origins: dict[str, str] = {}
        """How each operation's cubin came to be, see `Cubin.origin`."""

    def serves(self, device: torch.device) -> bool:
        """Return whether `device` is a CUDA device."""
        return device.type == "cuda"

    def launch(
        self, op: str, kernel: str, *, grid: Sequence[int], block: Sequence[int],
        args: Sequence[Argument], shared_bytes: int = 0,
    ) -> None:  # fmt: skip
        """Enqueue one kernel on PyTorch's current stream; see `launch.Launcher`.

        Nothing waits, so a graph can be captured; the memory must stay what it is until the stream
        has passed. Raises LaunchError with the kernel's name and CUDA's words.
        """
        device = _device_of(kernel, args)
        loaded = self._kernels.get((kernel, device))
        if loaded is None:
            loaded = self._load(op, kernel, device)
        check(kernel, loaded.parameters, args)
        values = [
            _value(parameter, argument)
            for parameter, argument in zip(loaded.parameters, args, strict=True)
        ]
        config = self._core.LaunchConfig(
            grid=tuple(grid), block=tuple(block), shmem_size=shared_bytes
        )
        try:
            with self._on(device):
                loaded.allow(shared_bytes, device)
                self._core.launch(self._stream(device), config, loaded.handle, *values)
        except Exception as error:  # cuda.core's own classes are private
            raise LaunchError(
                f"{kernel}, grid {tuple(grid)}, block {tuple(block)}, {shared_bytes} bytes of "
                f"shared memory: {error}"
            ) from error

    def prepare(self, ops: Sequence[str], device: int) -> None:
        """Compile and load whole operations before the first frame."""
        for op in ops:
            for kernel in read_source(op).kernels:
                self._load(op, kernel, device)

    def _load(self, op: str, kernel: str, device: int) -> _LoadedKernel:
        capability = torch.cuda.get_device_capability(device)
        source = read_source(op)
        library = self._libraries.get((op, device))
        if library is None:
            library = self._library(source, architecture_for(capability))
            self._libraries[op, device] = library
        parameters = signatures(source.text)
        if kernel not in parameters:
            raise LaunchError(f"{source.name} has no kernel '{kernel}'")
        try:
            with self._on(device):
                handle = library.get_kernel(kernel)
        except Exception as error:  # as above
            raise LaunchError(f"{kernel} cannot be loaded on cuda:{device}: {error}") from error
        loaded = _LoadedKernel(kernel, handle, parameters[kernel])
        self._kernels[kernel, device] = loaded
        return loaded

    def _library(self, source: CudaSource, arch: int) -> Any:
        """Compile for the device, or take what was built ahead where there is no compiler."""
        ahead = KERNELS / source.op / "kernel.fatbin"
        try:
            cubin = compile_kernel(source, arch, cache=self._cache)
        except CompilerMissing:
            if not ahead.is_file():
                raise
            self.origins[source.op] = "built ahead"
            return self._core.ObjectCode.from_fatbin(ahead.read_bytes(), name=source.name)
        self.origins[source.op] = cubin.origin
        return self._core.ObjectCode.from_cubin(cubin.code, name=source.name)

    @contextmanager
    def _on(self, device: int) -> Iterator[None]:
        """Make the device's own context current, as PyTorch does only when it must."""
        with torch.cuda.device(device):
            self._core.Device(device).set_current()
            yield

    def _stream(self, device: int) -> Any:
        """Return PyTorch's current stream, which stays PyTorch's."""
        address = torch.cuda.current_stream(device).cuda_stream
        if address == 0:
            return self._core.LEGACY_DEFAULT_STREAM
        return self._core.Stream.from_handle(address)


class _LoadedKernel:
    """A kernel on one device, and how much dynamic shared memory it was allowed."""

    def __init__(self, name: str, handle: Any, parameters: tuple[Parameter, ...]) -> None:
        self.name = name
        self.handle = handle
        self.parameters = parameters
        self._allowed = _STATIC_SHARED

    def allow(self, shared_bytes: int, device: int) -> None:
        """Ask the driver once for more dynamic shared memory than every kernel has."""
        if shared_bytes <= self._allowed:
            return
        from cuda.bindings import driver

        attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        (error,) = driver.cuKernelSetAttribute(attribute, shared_bytes, self.handle.handle, device)
        if error != driver.CUresult.CUDA_SUCCESS:
            raise LaunchError(
                f"{self.name} needs {shared_bytes} bytes of shared memory, more than the device "
                f"gives a block: use a narrower picture ({error.name})"
            )
        self._allowed = shared_bytes


def _device_of(kernel: str, args: Sequence[Argument]) -> int:
    devices = {argument.device for argument in args if isinstance(argument, Tensor)}
    if len(devices) != 1 or next(iter(devices)).type != "cuda":
        names = ", ".join(sorted(map(str, devices))) or "no memory"
        raise ValueError(f"{kernel} needs memory of one CUDA device, got {names}")
    index = next(iter(devices)).index
    assert index is not None
    return int(index)


def _value(parameter: Parameter, argument: Argument) -> Any:
    """Return an argument with the width that the kernel reads: a bare float would go as double."""
    if isinstance(argument, Tensor):
        return argument.data_ptr()  # a plain int has the width of a pointer
    if argument is None:
        return 0
    return _NUMBERS[parameter.kind](argument)


def _core() -> Any:
    try:
        import cuda.core
    except ImportError as error:
        raise CompilerMissing(
            f"CUDA kernels are launched by cuda.core: pip install 'stereocast[cuda]' ({error})"
        ) from None
    return cuda.core
