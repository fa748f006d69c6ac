"""What the NVIDIA path finds on this machine, part by part, and what to install for the rest.

Libraries of the driver are really loaded, devices really counted; torch is not imported for it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Part:
    """One thing that the NVIDIA path needs.

    detail  what is there, or what is missing and how to get it
    """

    name: str
    works: bool
    detail: str


_CONTAINER = "in a container by NVIDIA_DRIVER_CAPABILITIES=compute,utility,video"


def gpu_parts() -> tuple[Part, ...]:
    """Look for everything, from the driver to the packages."""
    return (
        _driver(),
        _library("decoder", "libnvcuvid.so.1", "the CPU decodes"),
        _library("encoder", "libnvidia-encode.so.1", "x264 encodes"),
        _torch(),
        _package("launcher", "cuda-core", "pip install 'stereocast[cuda]'"),
        _package("compiler", "nvidia-cuda-nvrtc", "pip install 'stereocast[cuda]'"),
        _package("codec package", "PyNvVideoCodec", "pip install 'stereocast[nvcodec]'"),
        _tensorrt(),
    )


def gpu_summary(parts: tuple[Part, ...]) -> str:
    """Say in one line whether `--set device.name=cuda` can work, and what is missing."""
    needed = [part for part in parts if part.name in ("driver", "torch", "launcher", "compiler")]
    missing = [part.name for part in needed if not part.works]
    if missing:
        return f"the CUDA path cannot run: without {', '.join(missing)}; the CPU does everything"
    return (
        "everything for the CUDA path is here: --set device.name=cuda; no GPU has proved it yet, "
        "`stereocast bench gpu` would"
    )


def _driver() -> Part:
    remedy = f"install NVIDIA's driver, 580 or newer; it is seen {_CONTAINER} and --gpus all"
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return Part("driver", False, f"libcuda.so.1 is not here; {remedy}")
    code = cuda.cuInit(0)
    if code != 0:
        return Part("driver", False, f"cuInit gives error {code}; {remedy}")
    number, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(number))
    cuda.cuDeviceGetCount(ctypes.byref(count))
    names = []
    for index in range(count.value):
        name = ctypes.create_string_buffer(100)
        cuda.cuDeviceGetName(name, len(name), index)
        names.append(name.value.decode(errors="replace"))
    told = f"CUDA {number.value // 1000}.{number.value % 1000 // 10}, {', '.join(names)}"
    return Part("driver", bool(names), told if names else f"no device; {remedy}")


def _library(name: str, file: str, use: str) -> Part:
    try:
        ctypes.CDLL(file)
    except OSError:
        return Part(
            name, False, f"{file} is not here: {use}; it comes with the driver, {_CONTAINER}"
        )
    return Part(name, True, f"{file} loads; whether the chip has the unit, a probe tells")


def _torch() -> Part:
    found = _version("torch")
    remedy = "https://pytorch.org/get-started/locally"
    if found is None:
        return Part("torch", False, f"not installed: {remedy}")
    if "+cpu" in found:
        return Part("torch", False, f"{found} is a build without CUDA; for another: {remedy}")
    return Part("torch", True, found)


def _package(name: str, package: str, remedy: str) -> Part:
    found = _version(package)
    detail = f"{package} {found}" if found else f"{package} is not installed: {remedy}"
    return Part(name, found is not None, detail)


def _tensorrt() -> Part:
    found = {package: _version(package) for package in ("tensorrt-rtx", "tensorrt")}
    here = [f"{package} {number}" for package, number in found.items() if number]
    if here:
        return Part("TensorRT", True, f"{', '.join(here)}; taken by --set depth.runner=tensorrt")
    return Part(
        "TensorRT", False,
        "not installed, PyTorch runs networks in the graph; for GeForce and RTX cards: "
        "pip install 'stereocast[rtx]'; for H100 and the like, install full TensorRT from NVIDIA",
    )  # fmt: skip


def _version(package: str, lookup: Callable[[str], str] = version) -> str | None:
    try:
        return lookup(package)
    except PackageNotFoundError:
        return None
