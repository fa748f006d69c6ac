"""Compiling CUDA sources: what is read, what a cached cubin depends on, what is refused.

The real compiler is an extra; what needs it is slow, and fails without it.
"""

from __future__ import annotations

import builtins
import dataclasses
import re
import struct
from pathlib import Path

import pytest

from stereocast.kernels import compiler
from stereocast.kernels.compiler import (
    SUPPORTED,
    CompileError,
    CompilerMissing,
    compile_kernel,
    cubin_key,
)
from stereocast.kernels.cubins import Cubin, DamagedCubin, KernelFacts, read_cubin, write_cubin
from stereocast.kernels.sources import KERNELS, CudaSource, cuda_ops, kernel_names, read_source

CUBIN = Cubin("pack", 89, b"\x7fELF\n\n\0", (KernelFacts("pack", 40, 0, 0),), ("w",), "compiled")
LOG = """\
pack/kernel.cu(3): warning #177-D: variable "b" was declared but never referenced
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'stereocast_a' for 'sm_75'
ptxas info    : Function properties for stereocast_a
ptxas         .     16 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 60 registers, used 1 barriers, 1024 bytes smem, 364 bytes cmem[0]
ptxas info    : Compiling entry function 'stereocast_b' for 'sm_75'
ptxas info    : Function properties for stereocast_b
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 4 registers, used 0 barriers, 364 bytes cmem[0]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of kernels: one operation, a header, and a header of that."""
    (tmp_path / "blur").mkdir()
    (tmp_path / "portable.h").write_text("#pragma once\n")
    (tmp_path / "blur" / "math.h").write_text('#include "portable.h"\n#include <math.h>\n')
    text = '#include "blur/math.h"\nextern "C" __global__ void blur(float* a) { a[0] = 1; }\n'
    (tmp_path / "blur" / "kernel.cu").write_text(text)
    return tmp_path


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """As without the extra."""
    real = builtins.__import__

    def absent(name: str, *rest: object, **named: object) -> object:
        if name.partition(".")[0] == "cuda":
            raise ImportError(f"No module named '{name}'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)


def test_operations_are_found_with_all_their_headers(folder):
    assert cuda_ops(folder) == ("blur",)
    source = read_source("blur", folder)
    assert set(source.headers) == {"blur/math.h", "portable.h"}
    assert source.kernels == ("blur",)


def test_an_operation_without_cuda_source_is_refused_with_those_that_have_one(folder):
    with pytest.raises(ValueError, match="no CUDA source of 'wrap'; there is one of: blur"):
        read_source("wrap", folder)


def test_names_are_those_of_kernels_and_not_of_comments_or_device_functions():
    text = """
    // __global__ void commented(int a)
    /* __global__ void commented_too(int a) */
    static __device__ int function(int a);
    extern "C" __global__ void first(int a) {}
    extern "C" __global__ void __launch_bounds__(256, 2)
        second(const float* __restrict__ a) {}
    """
    assert kernel_names(text) == ("first", "second")


@pytest.mark.parametrize("file", ["blur/kernel.cu", "blur/math.h", "portable.h"])
def test_a_change_of_any_file_changes_the_key(folder, file):
    before = cubin_key(read_source("blur", folder), 89, "NVRTC 13.5")
    (folder / file).write_text((folder / file).read_text() + "// changed\n")
    assert cubin_key(read_source("blur", folder), 89, "NVRTC 13.5") != before


def test_architecture_compiler_and_options_change_the_key(folder, monkeypatch):
    source = read_source("blur", folder)
    keys = {cubin_key(source, arch, "NVRTC 13.5") for arch in SUPPORTED}
    keys.add(cubin_key(source, 89, "NVRTC 13.6"))
    monkeypatch.setattr(compiler, "_OPTIONS", ("-std=c++17",))
    keys.add(cubin_key(source, 89, "NVRTC 13.5"))
    assert len(keys) == len(SUPPORTED) + 2


def test_the_same_texts_have_the_same_key_anywhere(folder, tmp_path):
    before = cubin_key(read_source("blur", folder), 89, "NVRTC 13.5")
    elsewhere = tmp_path / "moved"
    elsewhere.mkdir()
    for name in ("blur", "portable.h"):
        (folder / name).rename(elsewhere / name)
    assert cubin_key(read_source("blur", elsewhere), 89, "NVRTC 13.5") == before


def test_a_kept_cubin_is_read_as_it_was(tmp_path):
    path = tmp_path / "new" / "a.cubin"
    write_cubin(path, CUBIN, "key")
    assert read_cubin(path, "key") == dataclasses.replace(CUBIN, origin="cached")
    assert list(path.parent.iterdir()) == [path]


def test_a_cubin_with_any_byte_changed_or_missing_is_refused(tmp_path):
    path = tmp_path / "a.cubin"
    write_cubin(path, CUBIN, "key")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedCubin):
            read_cubin(path, "key")
        path.write_bytes(whole[:place])
        with pytest.raises(DamagedCubin):
            read_cubin(path, "key")


def test_a_cubin_of_another_source_is_refused(tmp_path):
    write_cubin(tmp_path / "a.cubin", CUBIN, "key")
    with pytest.raises(DamagedCubin, match="made for another source or compiler"):
        read_cubin(tmp_path / "a.cubin", "another")


def test_the_assemblers_words_become_numbers():
    assert compiler._facts(LOG) == (
        KernelFacts("stereocast_a", registers=60, shared_bytes=1024, spill_bytes=8),
        KernelFacts("stereocast_b", registers=4, shared_bytes=0, spill_bytes=0),
    )


def test_an_error_names_kernel_architecture_and_the_first_error(folder):
    log = 'blur/kernel.cu(1): warning: w\nblur/kernel.cu(2): error: no "y"\nlater(3): error: z\n'
    error = CompileError(read_source("blur", folder), 75, log)
    assert str(error) == (
        'blur/kernel.cu does not compile for sm_75: blur/kernel.cu(2): error: no "y"'
    )
    assert error.log == log


@pytest.mark.usefixtures("no_compiler")
def test_without_the_compiler_the_remedy_is_named(folder, tmp_path):
    with pytest.raises(CompilerMissing, match=r"pip install 'stereocast\[cuda\]'"):
        compile_kernel(read_source("blur", folder), 89)
    with pytest.raises(CompilerMissing):
        compile_kernel(read_source("blur", folder), 89, cache=tmp_path)


def test_architectures_that_are_not_supported_are_refused_before_compiling(folder):
    with pytest.raises(ValueError, match=r"sm_70 is not one of sm_75, .*sm_120"):
        compile_kernel(read_source("blur", folder), 70)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stand in for NVRTC, which is an extra; the list holds what it was asked for."""
    calls: list[int] = []

    def compile_one(source: CudaSource, arch: int) -> Cubin:
        calls.append(arch)
        return dataclasses.replace(CUBIN, op=source.op, arch=arch)

    monkeypatch.setattr(compiler, "_compile", compile_one)
    monkeypatch.setattr(compiler, "toolchain", lambda: "NVRTC 13.5")
    return calls


def test_a_kernel_is_compiled_once_per_architecture(folder, tmp_path, compiled):
    source, cache = read_source("blur", folder), tmp_path / "cache"
    origins = [compile_kernel(source, arch, cache=cache).origin for arch in (75, 75, 89)]
    assert (compiled, origins) == ([75, 89], ["compiled", "cached", "compiled"])
    assert compile_kernel(source, 75, cache=cache, refresh=True).origin == "compiled"
    assert compiled == [75, 89, 75]


def test_a_changed_header_is_compiled_anew(folder, tmp_path, compiled):
    compile_kernel(read_source("blur", folder), 75, cache=tmp_path / "cache")
    (folder / "portable.h").write_text("#pragma once\n#define CHANGED\n")
    compile_kernel(read_source("blur", folder), 75, cache=tmp_path / "cache")
    assert compiled == [75, 75]


def test_a_damaged_file_is_compiled_anew_and_replaced(folder, tmp_path, compiled):
    source, cache = read_source("blur", folder), tmp_path / "cache"
    compile_kernel(source, 75, cache=cache)
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert re.fullmatch(
        r"compiled again: .* is damaged", compile_kernel(source, 75, cache=cache).origin
    )
    assert compile_kernel(source, 75, cache=cache).origin == "cached"


def test_a_folder_that_cannot_be_written_is_no_error_and_not_silent(folder, tmp_path, compiled):
    (tmp_path / "file").touch()
    cubin = compile_kernel(read_source("blur", folder), 75, cache=tmp_path / "file" / "cache")
    assert "not kept: " in cubin.origin
    assert compiled == [75]


def test_nvcc_builds_ahead_for_the_same_architectures():
    text = (KERNELS.parent / "CMakeLists.txt").read_text(encoding="utf-8")
    listed = re.search(r"set\(architectures ([\d ]+)\)", text)
    assert listed is not None
    assert tuple(map(int, listed[1].split())) == SUPPORTED
    assert "--fmad=false" in text
    assert "-std=c++17" in text


@pytest.mark.slow
@pytest.mark.parametrize("arch", SUPPORTED)
@pytest.mark.parametrize("op", cuda_ops())
def test_every_kernel_compiles_for_every_architecture(op, arch):
    source = read_source(op)
    cubin = compile_kernel(source, arch)
    assert sorted(kernel.name for kernel in cubin.kernels) == sorted(source.kernels)
    assert cubin.warnings == ()
    assert all(kernel.shared_bytes <= 48 << 10 for kernel in cubin.kernels)
    assert elf_architecture(cubin.code) == arch


def elf_architecture(code: bytes) -> int:
    """Return the compute capability in the header of a cubin, an ELF file for CUDA (190)."""
    magic, machine, flags = struct.unpack_from("<4s14xH28xI", code)
    assert (magic, machine) == (b"\x7fELF", 190)
    return flags >> 8 & 0xFF


@pytest.mark.slow
def test_the_compiler_refuses_with_its_first_error(folder):
    text = 'extern "C" __global__ void blur(float* a) {\n  a[0] = b;\n  c();\n}\n'
    (folder / "blur" / "kernel.cu").write_text(text)
    with pytest.raises(CompileError) as refusal:
        compile_kernel(read_source("blur", folder), 90)
    assert str(refusal.value) == (
        "blur/kernel.cu does not compile for sm_90: "
        'blur/kernel.cu(2): error: identifier "b" is undefined'
    )
    assert "2 errors detected" in refusal.value.log


@pytest.mark.slow
def test_products_and_sums_are_not_fused(folder, monkeypatch):
    text = 'extern "C" __global__ void blur(float* a) { a[0] = a[1] * a[2] + a[3]; }'
    (folder / "blur" / "kernel.cu").write_text(text)
    source = read_source("blur", folder)
    apart = compile_kernel(source, 90).code
    assert compile_kernel(source, 90).code == apart
    fused = tuple(option.replace("fmad=false", "fmad=true") for option in compiler._OPTIONS)
    monkeypatch.setattr(compiler, "_OPTIONS", fused)
    assert compile_kernel(source, 90).code != apart


@pytest.mark.slow
def test_a_header_outside_the_kernels_is_not_found(folder):
    text = '#include "blur/absent.h"\nextern "C" __global__ void blur(float* a) {}'
    (folder / "blur" / "kernel.cu").write_text(text)
    with pytest.raises(CompileError, match=r'cannot open source file "blur/absent\.h"'):
        compile_kernel(read_source("blur", folder), 75)
