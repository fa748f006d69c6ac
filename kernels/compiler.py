"""Compile a kernel.cu for one architecture with NVRTC, which needs no GPU, and keep the result.

NVRTC is imported only when something is compiled. The texts are read in `sources`; cached files are
written and checked in `cubins`; `loader` runs what was compiled.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stereocast.kernels.cubins import Cubin, DamagedCubin, KernelFacts, read_cubin, write_cubin
from stereocast.kernels.sources import CudaSource

SUPPORTED = (75, 80, 86, 89, 90, 100, 120)
"""Compute capabilities compiled for: Turing to Blackwell. A cubin also runs on later minor versions
of its own major one, so that 86 serves 87 as well, and 120 serves 121."""

# Products and sums stay separate, as in the native kernels: both agree bit for bit. NVRTC's own
# cache is off: ours says what it holds, and a check that compiles must really compile.
_OPTIONS = ("-std=c++17", "--fmad=false", "--no-cache", "--ptxas-options=-v")

_FUNCTION = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers([^\n]*)",
    re.DOTALL,
)
_SHARED = re.compile(r"(\d+) bytes smem")


class CompilerMissing(ImportError):
    """The packages that compile CUDA sources are not installed."""


class CompileError(RuntimeError):
    """NVRTC refuses a CUDA source; `log` is all it says."""

    def __init__(self, source: CudaSource, arch: int, log: str) -> None:
        """Say which kernel fails where, and NVRTC's first error."""
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line]
        reason = (errors or lines or ["it gives no reason"])[0]
        super().__init__(f"{source.name} does not compile for sm_{arch}: {reason}")
        self.log = log


def toolchain() -> str:
    """Return the name and version of the compiler. Raises CompilerMissing without one."""
    nvrtc = _nvrtc()
    error, major, minor = nvrtc.nvrtcVersion()
    assert error == nvrtc.nvrtcResult.NVRTC_SUCCESS, error
    try:
        package = version("nvidia-cuda-nvrtc")
    except PackageNotFoundError:
        package = "of this system"  # the library of an installed CUDA toolkit
    return f"NVRTC {major}.{minor} ({package})"


def compile_kernel(
    source: CudaSource, arch: int, *, cache: Path | None = None, refresh: bool = False
) -> Cubin:
    """Return the kernels of `source` for the compute capability `arch`, one of SUPPORTED.

    cache    folder of cubins; a fitting one is taken from there, a new one is put there
    refresh  compile even if there is a fitting one

    A cached file that is damaged, or a folder that cannot be written, stands in the cubin's
    `origin` and is no error. Raises CompilerMissing, CompileError, ValueError for another `arch`.
    """
    if arch not in SUPPORTED:
        raise ValueError(f"sm_{arch} is not one of {', '.join(f'sm_{a}' for a in SUPPORTED)}")
    if cache is None:
        return _compile(source, arch)
    key = cubin_key(source, arch, toolchain())
    path = cache / f"{source.op}-sm{arch}-{key[:32]}.cubin"
    reason = ""
    if not refresh:
        try:
            return read_cubin(path, key)
        except FileNotFoundError:
            pass  # the first time
        except (DamagedCubin, OSError) as error:
            reason = f" again: {error}"
    cubin = _compile(source, arch)
    try:
        write_cubin(path, cubin, key)
    except OSError as error:
        reason += f", not kept: {error}"
    return replace(cubin, origin=cubin.origin + reason)


def cubin_key(source: CudaSource, arch: int, compiler: str) -> str:
    """Return the SHA-256 of all that a cubin depends on: texts, options, architecture, compiler."""
    parts = (source.digest, " ".join(_OPTIONS), f"sm_{arch}", compiler)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _compile(source: CudaSource, arch: int) -> Cubin:
    nvrtc = _nvrtc()
    done = nvrtc.nvrtcResult.NVRTC_SUCCESS
    options = [option.encode() for option in (*_OPTIONS, f"-arch=sm_{arch}")]
    # The headers go along as texts: what is compiled is what the key was made of.
    names = [name.encode() for name in source.headers]
    texts = [text.encode() for text in source.headers.values()]
    error, program = nvrtc.nvrtcCreateProgram(
        source.text.encode(), source.name.encode(), len(names), texts, names
    )
    assert error == done, error
    try:
        (failure,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
        error, size = nvrtc.nvrtcGetProgramLogSize(program)
        log = bytearray(size)
        assert error == done and nvrtc.nvrtcGetProgramLog(program, log) == (done,), error
        text = log.rstrip(b"\0\n").decode(errors="replace")
        if failure != done:
            raise CompileError(source, arch, text or str(failure))
        error, size = nvrtc.nvrtcGetCUBINSize(program)
        code = bytearray(size)
        assert error == done and nvrtc.nvrtcGetCUBIN(program, code) == (done,), error
    finally:
        nvrtc.nvrtcDestroyProgram(program)
    warnings = tuple(line.strip() for line in text.splitlines() if ": warning" in line)
    return Cubin(source.op, arch, bytes(code), _facts(text), warnings, "compiled")


def _facts(log: str) -> tuple[KernelFacts, ...]:
    """Read what the assembler says of every kernel."""
    facts = []
    for name, spilled, registers, rest in _FUNCTION.findall(log):
        shared = _SHARED.search(rest)
        shared_bytes = int(shared.group(1)) if shared else 0
        facts.append(KernelFacts(name, int(registers), shared_bytes, int(spilled)))
    return tuple(facts)


def _nvrtc() -> Any:
    """Return the module of NVRTC with its library loaded."""
    remedy = "CUDA kernels are compiled by NVRTC: pip install 'stereocast[cuda]'"
    try:
        from cuda.bindings import nvrtc
        from cuda.pathfinder import DynamicLibNotFoundError
    except ImportError as error:
        raise CompilerMissing(f"{remedy} ({error})") from None
    try:
        nvrtc.nvrtcVersion()
    except DynamicLibNotFoundError as error:
        raise CompilerMissing(f"{remedy} ({str(error).splitlines()[0]})") from None
    return nvrtc
