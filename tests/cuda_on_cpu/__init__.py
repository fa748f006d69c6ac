"""Execute CUDA kernels on the CPU, so that what a .cu file computes is tested without a GPU.

The .cu file is compiled as C++ with `device.h` in place of CUDA, and run by fibers (`machine.cpp`)
in several orders of blocks and threads; a kernel that needs a lucky order is caught, and so is much
that C++ leaves undefined (`faults.h`). What this cannot show: speed, the memory model of real
hardware, the last bits of expf and its like.
"""

from __future__ import annotations

import ctypes
import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stereocast.kernels.signatures import FITTING
from stereocast.kernels.sources import KERNELS, kernel_names

HERE = Path(__file__).resolve().parent
ORDERS = ("forward", "backward", "shuffled")

_DYNAMIC_SHARED = re.compile(
    r"extern\s+__shared__\s+(?:(?:__align__|alignas)\s*\(\d+\)\s*)?([\w ]+?)\s*(\w+)\s*\[\s*\]\s*;"
)
_FLAGS = ("-std=c++20", "-O2", "-fPIC", "-fvisibility=hidden", "-c")
_KERNEL_FLAGS = (
    *("-ffp-contract=off", "-fno-strict-aliasing", "-fno-math-errno", "-Wno-attributes"),
    "-Werror=frame-larger-than=65536",  # a quarter of a fiber's stack
    "-fsanitize=bounds,signed-integer-overflow,integer-divide-by-zero,shift,float-cast-overflow,"
    "null,alignment",
)
_PADDING = 256  # bytes of red zone on either side of every tensor
_RED = 0xA7
_NUMBERS = {
    "i32": ctypes.c_int,
    "u32": ctypes.c_uint,
    "i64": ctypes.c_longlong,
    "u64": ctypes.c_ulonglong,
    "f32": ctypes.c_float,
    "u8": ctypes.c_ubyte,
}

Argument = Tensor | int | float | None


class KernelFault(AssertionError):
    """A kernel did something that CUDA leaves undefined, or depends on the order of threads."""


class _Launch(ctypes.Structure):
    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared_bytes", ctypes.c_int),
        ("order", ctypes.c_int),
    )


def run_kernel(
    source: Path,
    name: str,
    *,
    grid: Sequence[int],
    block: Sequence[int],
    args: Sequence[Argument],
    shared_bytes: int = 0,
    orders: Sequence[str] = ORDERS,
) -> None:
    """Run the kernel `name` of a .cu file; what it writes is in the tensors of `args` afterwards.

    grid, block   one to three sizes
    args          contiguous CPU tensors of the kernel's types, numbers, None for a null pointer;
                  tensors that share memory share it in the kernel
    shared_bytes  dynamic shared memory, at most 64 KiB
    orders        of ORDERS; each starts from the tensors as they were, and all must agree

    Raises KernelFault where orders disagree, where threads wait in vain, or where the kernel writes
    outside a tensor or its dynamic shared memory. Skips the test without a C++ compiler.
    """
    library = _compiled(source.resolve())
    signature = getattr(library, f"signature_of_{name}")
    signature.restype = ctypes.c_char_p
    _check(name, signature().decode().split(), args)
    sizes = [(*size, 1, 1)[:3] for size in (grid, block)]
    limits = ((2**31 - 1, 65535, 65535), (1024, 1024, 64))
    for size, limit in zip(sizes, limits, strict=True):
        fits = all(1 <= n <= most for n, most in zip(size, limit, strict=True))
        assert fits, f"{name}: a launch of {size} is not in [1, {limit}]"
    threads = sizes[1][0] * sizes[1][1] * sizes[1][2]
    assert threads <= 1024, f"{name}: a block has at most 1024 threads, not {threads}"
    assert 0 <= shared_bytes <= 65536, f"{name}: {shared_bytes} bytes of shared memory"
    memories = {}
    for order in orders:
        launch = _Launch(*((ctypes.c_uint * 3)(*size) for size in sizes), shared_bytes)
        launch.order = ORDERS.index(order)
        memories[order] = _launched(library, name, launch, args)
    _adopt(name, memories, args)


def _check(name: str, kinds: Sequence[str], args: Sequence[Argument]) -> None:
    assert len(kinds) == len(args), f"{name} takes {len(kinds)} arguments, got {len(args)}"
    for index, (kind, argument) in enumerate(zip(kinds, args, strict=True)):
        where = f"argument {index} of {name}"
        if not kind.endswith("*"):
            assert isinstance(argument, int | float), f"{where} is {kind}, got {type(argument)}"
            assert kind[0] == "f" or isinstance(argument, int), f"{where} is {kind}: {argument}"
        elif argument is not None:
            assert isinstance(argument, Tensor), f"{where} is a pointer, got {type(argument)}"
            assert argument.is_contiguous(), f"{where} must be contiguous"
            fitting = FITTING.get(kind[:-1], (argument.dtype,))
            assert argument.dtype in fitting, f"{where} is {kind}, got {argument.dtype}"


def _launched(
    library: ctypes.CDLL, name: str, launch: _Launch, args: Sequence[Argument]
) -> dict[int, Tensor]:
    """Run once on copies; return the bytes of every storage afterwards, by its address."""
    memories = _copies(args)
    values: list[ctypes._SimpleCData] = []
    signature = getattr(library, f"signature_of_{name}")().decode().split()
    for kind, argument in zip(signature, args, strict=True):
        if isinstance(argument, Tensor):
            storage = argument.untyped_storage().data_ptr()
            offset = _PADDING + argument.data_ptr() - storage
            values.append(ctypes.c_void_p(memories[storage].data_ptr() + offset))
        elif argument is None:
            values.append(ctypes.c_void_p(None))
        else:
            values.append(_NUMBERS[kind](argument))
    pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
    run = getattr(library, f"run_{name}")
    run.restype = ctypes.c_char_p
    fault = run(ctypes.byref(launch), pointers).decode()
    if fault:
        raise KernelFault(f"{name}, {ORDERS[launch.order]}: {fault}")
    for memory in memories.values():
        zones = torch.cat((memory[:_PADDING], memory[-_PADDING:]))
        if bool((zones != _RED).any()):
            size = memory.numel() - 2 * _PADDING
            raise KernelFault(f"{name} writes outside a tensor of {size} bytes")
    return memories


def _copies(args: Sequence[Argument]) -> dict[int, Tensor]:
    """Copy every storage between two red zones, by its address; the data stays aligned."""
    memories = {}
    for argument in args:
        if isinstance(argument, Tensor):
            whole = torch.tensor([], dtype=torch.uint8).set_(argument.untyped_storage())
            zone = torch.full((_PADDING,), _RED, dtype=torch.uint8)
            memories[argument.untyped_storage().data_ptr()] = torch.cat((zone, whole, zone))
    return memories


def _adopt(name: str, memories: dict[str, dict[int, Tensor]], args: Sequence[Argument]) -> None:
    """Demand that all orders agree, then copy their result into the caller's tensors."""
    first, *others = memories
    for index, argument in enumerate(args):
        if not isinstance(argument, Tensor):
            continue
        storage = argument.untyped_storage()
        result = memories[first][storage.data_ptr()][_PADDING:-_PADDING]
        for other in others:
            differs = memories[other][storage.data_ptr()][_PADDING:-_PADDING] != result
            if bool(differs.any()):
                begin = argument.storage_offset() * argument.element_size()
                element = (int(differs.nonzero()[0]) - begin) // argument.element_size()
                raise KernelFault(
                    f"{name}: argument {index} depends on the order of threads ({first} and "
                    f"{other} differ first at element {element}): a barrier is missing, blocks "
                    "race, or shared memory is read before it is written"
                )
        torch.tensor([], dtype=torch.uint8).set_(storage).copy_(result)


@functools.cache
def _compiled(source: Path) -> ctypes.CDLL:
    """Compile a .cu file as C++ and load it; once per process."""
    text = source.read_text(encoding="utf-8")
    names = kernel_names(text)
    assert names, f"{source} defines no kernel"
    body = _DYNAMIC_SHARED.sub(
        r"static \1* const \2 = reinterpret_cast<\1*>(cuda_on_cpu::dynamic_shared);", text
    )
    program = f'#include "device.h"\n#line 1 "{source}"\n{body}\n'
    program += "".join(f"CUDA_ON_CPU_EXPORT({name})\n" for name in names)
    with tempfile.TemporaryDirectory(prefix="cuda-on-cpu-") as folder:
        (Path(folder) / "kernel.cpp").write_text(program, encoding="utf-8")
        (Path(folder) / "machine.o").write_bytes(_machine())
        includes = (f"-I{HERE}", f"-I{KERNELS}")
        _run(Path(folder), *_FLAGS, *_KERNEL_FLAGS, *includes, "kernel.cpp")
        # Linked without the checks' own library: `faults.h` takes its place.
        _run(Path(folder), "-shared", "kernel.o", "machine.o", "-o", "kernel.so")
        return ctypes.CDLL(f"{folder}/kernel.so")  # it lives on when its file is gone


@functools.cache
def _machine() -> bytes:
    """Compile what all kernels share; once per process."""
    with tempfile.TemporaryDirectory(prefix="cuda-on-cpu-") as folder:
        _run(Path(folder), *_FLAGS, str(HERE / "machine.cpp"))
        return (Path(folder) / "machine.o").read_bytes()


def _run(folder: Path, *arguments: str) -> None:
    command = [_compiler(), *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def _compiler() -> str:
    for name in ("c++", "g++", "clang++"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("CUDA kernels are run on the CPU by a C++20 compiler, and there is none here")
