"""The CUDA sources of the kernels as texts: which there are, what they include, what they define.

Nothing is compiled here, and nothing imports torch: `compiler` compiles, tests and tools read.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

KERNELS = Path(__file__).resolve().parent
"""The folder of all operations; includes are relative to it."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_KERNEL = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(")


@dataclass(frozen=True)
class CudaSource:
    """One operation's kernel.cu and the headers of this package that it includes."""

    op: str
    text: str
    headers: dict[str, str]
    """Texts of all headers, those that headers include too, by their path in the folder."""

    @property
    def name(self) -> str:
        """Return what compilers call it in their messages."""
        return f"{self.op}/kernel.cu"

    @property
    def kernels(self) -> tuple[str, ...]:
        """Return the names of the kernels it defines, in its order."""
        return kernel_names(self.text)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of every byte that a compiler would read of it."""
        digest = hashlib.sha256()
        for name, text in ((self.name, self.text), *sorted(self.headers.items())):
            content = text.encode()
            digest.update(f"{name}\n{len(content)}\n".encode() + content)
        return digest.hexdigest()


def cuda_ops(folder: Path = KERNELS) -> tuple[str, ...]:
    """Return the names of the operations that have a CUDA source, sorted."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/kernel.cu")))


def read_source(op: str, folder: Path = KERNELS) -> CudaSource:
    """Read the CUDA source of one operation and everything of ours that it includes.

    Raises ValueError for an operation without one.
    """
    path = folder / op / "kernel.cu"
    if not path.is_file():
        known = ", ".join(cuda_ops(folder)) or "none"
        raise ValueError(f"there is no CUDA source of '{op}'; there is one of: {known}")
    text = path.read_text(encoding="utf-8")
    headers: dict[str, str] = {}
    _collect(text, folder, headers)
    return CudaSource(op, text, headers)


def kernel_names(text: str) -> tuple[str, ...]:
    """Return the names of the kernels that a CUDA source defines, in its order."""
    return tuple(_KERNEL.findall(_COMMENT.sub(" ", text)))


def _collect(text: str, folder: Path, headers: dict[str, str]) -> None:
    """Add what `text` includes to `headers`; a header that is missing is the compiler's to name."""
    for name in _INCLUDE.findall(text):
        path = folder / name
        if name not in headers and path.is_file():
            headers[name] = path.read_text(encoding="utf-8")
            _collect(headers[name], folder, headers)
