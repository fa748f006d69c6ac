"""What every CUDA source keeps to, so that it compiles everywhere and is proved without a GPU."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stereocast.kernels.sources import KERNELS, cuda_ops, read_source

TESTS = Path(__file__).resolve().parent
GUARDS = ("#if !defined(__CUDACC_RTC__)", "#ifndef __CUDACC_RTC__")
OPS = cuda_ops()


def code_of(text: str) -> str:
    """Return a source without its comments."""
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def foreign_includes(text: str) -> Iterator[str]:
    """Every header in angle brackets that NVRTC would be asked for, which has none."""
    conditions: list[str] = []
    for line in map(str.strip, code_of(text).splitlines()):
        if line.startswith("#if"):
            conditions.append(line)
        elif line.startswith(("#else", "#elif")):
            conditions[-1] = line
        elif line.startswith("#endif"):
            conditions.pop()
        elif re.match(r"#\s*include\s*<", line) and not set(conditions) & set(GUARDS):
            yield line


@pytest.mark.parametrize("op", OPS)
def test_no_standard_header_is_asked_of_nvrtc(op):
    source = read_source(op)
    for name, text in {source.name: source.text, **source.headers}.items():
        assert list(foreign_includes(text)) == [], name
        assert "std::" not in code_of(text), f"{name} uses the standard library"


def test_the_guard_is_understood():
    guarded = "#if !defined(__CUDACC_RTC__)\n#include <math.h>\n#else\n#include <a>\n#endif\n"
    assert list(foreign_includes(guarded + "#include <b>  // c\n// #include <d>")) == [
        "#include <a>",
        "#include <b>",
    ]


@pytest.mark.parametrize("op", OPS)
def test_a_source_says_how_it_is_laid_out_and_names_its_kernels_for_all(op):
    source = read_source(op)
    assert source.text.startswith("// "), "a header comment: thread map, layout, bytes per pixel"
    code = code_of(source.text)
    assert source.kernels
    assert all(name.startswith(f"stereocast_{op}") for name in source.kernels), source.kernels
    assert len(re.findall(r'extern\s+"C"\s+__global__', code)) == code.count("__global__")


@pytest.mark.parametrize("op", OPS)
def test_every_kernel_is_executed_by_a_test(op):
    """By its name, or through the operation, whose launches name it."""
    tests = "".join(path.read_text() for path in TESTS.glob("test_*.py"))
    launches = KERNELS / op / "cuda.py"
    text = tests
    if launches.is_file():
        assert re.search(rf"kernels(\.| import )(\w+, )*{op}\b", tests), f"no test calls {op}"
        assert "launching(Emulator" in tests
        text += launches.read_text()
    missing = [name for name in read_source(op).kernels if not _is_named(name, text)]
    assert not missing, f"no test runs {missing} on the CPU (tests.cuda_on_cpu)"


def _is_named(kernel: str, text: str) -> bool:
    """Whether a text has the name, or the name with the kind of pixel left open."""
    stem = re.sub(r"_(u8|u16|f32|f16)$", "_{", kernel)
    return f'"{kernel}"' in text or f'f"{stem}' in text
