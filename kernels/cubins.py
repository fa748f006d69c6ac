"""Compiled kernels as values and as files: what is known of them, when a file is refused.

The folder is the caller's; nothing here knows a default one. Making a cubin belongs to `compiler`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

_MAGIC = b"stereocast cubin 1\n"


@dataclass(frozen=True)
class KernelFacts:
    """What one kernel needs of a multiprocessor, as the assembler says."""

    name: str
    registers: int
    """Per thread."""
    shared_bytes: int
    """Static shared memory per block."""
    spill_bytes: int
    """Registers that did not fit, per thread; 0 in a good kernel."""


@dataclass(frozen=True)
class Cubin:
    """The kernels of one operation, compiled for one architecture and all that it can run on."""

    op: str
    arch: int
    code: bytes
    kernels: tuple[KernelFacts, ...]
    warnings: tuple[str, ...]
    origin: str
    """How it came to be: `compiled`, `cached`, or compiled again or not kept, and why."""


class DamagedCubin(ValueError):
    """A file is not the compiled kernel that its name promises."""


def write_cubin(path: Path, cubin: Cubin, key: str) -> None:
    """Keep `cubin` in a file that is whole or not there. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = {
        "key": key,
        "op": cubin.op,
        "arch": cubin.arch,
        "kernels": [asdict(kernel) for kernel in cubin.kernels],
        "warnings": cubin.warnings,
    }
    content = json.dumps(facts).encode() + b"\n" + cubin.code
    digest = hashlib.sha256(content).hexdigest().encode() + b"\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + digest + content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_cubin(path: Path, key: str) -> Cubin:
    """Read what `write_cubin` kept under `key`.

    Raises FileNotFoundError, DamagedCubin if a byte is not as it was written or the key is another.
    """
    magic, _, rest = path.read_bytes().partition(b"\n")
    digest, _, content = rest.partition(b"\n")
    if magic + b"\n" != _MAGIC or hashlib.sha256(content).hexdigest().encode() != digest:
        raise DamagedCubin(f"{path} is damaged")
    line, _, code = content.partition(b"\n")
    facts = json.loads(line)
    if facts["key"] != key:
        raise DamagedCubin(f"{path} was made for another source or compiler")
    kernels = tuple(KernelFacts(**kernel) for kernel in facts["kernels"])
    return Cubin(facts["op"], facts["arch"], code, kernels, tuple(facts["warnings"]), "cached")
