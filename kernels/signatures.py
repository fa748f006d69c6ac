"""What a CUDA kernel takes, read off its source: the one place that knows C's types by name.

A launch passes bare memory, so a wrong count, order or width of arguments is not an error but
garbage. `check` finds it first, on every road that launches: GPUs and the tests without one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Argument = Tensor | int | float | None
"""What a kernel is given: contiguous memory, a number, or None for a null pointer."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_KERNEL = re.compile(
    r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(([^)]*)\)'
)
_NUMBERS = {
    "signed char": "i8",
    "char": "i8",
    "unsigned char": "u8",
    "short": "i16",
    "unsigned short": "u16",
    "int": "i32",
    "unsigned": "u32",
    "unsigned int": "u32",
    "long long": "i64",
    "unsigned long long": "u64",
    "float": "f32",
    "double": "f64",
}
FITTING: dict[str, tuple[torch.dtype, ...]] = {
    "i8": (torch.int8,),
    "u8": (torch.uint8, torch.bool),
    "i16": (torch.int16,),
    "u16": (torch.uint16, torch.int16, torch.float16),
    "i32": (torch.int32,),
    "u32": (torch.uint32, torch.int32),
    "i64": (torch.int64,),
    "u64": (torch.uint64, torch.int64),
    "f32": (torch.float32,),
    "f64": (torch.float64,),
}
"""Which tensors a kernel's pointer may point into, by the kind of what it points to."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel.

    kind        such as `f32`; of what a pointer points to, empty where that is no plain number
    is_pointer  whether it is memory
    is_read     whether it is memory that the kernel only reads (const)
    """

    name: str
    kind: str
    is_pointer: bool
    is_read: bool = False

    def check(self, argument: Argument) -> None:
        """Raise TypeError or ValueError, saying which, unless `argument` can be passed for it."""
        if not self.is_pointer:
            wanted = (int, float) if self.kind.startswith("f") else (int,)
            if isinstance(argument, bool) or not isinstance(argument, wanted):
                raise TypeError(f"{self.name} is a number {self.kind}, got {argument!r}")
            return
        if argument is None:
            return
        if not isinstance(argument, Tensor):
            raise TypeError(f"{self.name} is memory, got {argument!r}")
        if self.kind and argument.dtype not in FITTING[self.kind]:
            raise TypeError(f"{self.name} points to {self.kind}, got {argument.dtype}")
        if not argument.is_contiguous():
            raise ValueError(f"{self.name} must be contiguous, got strides {argument.stride()}")


def signatures(text: str) -> dict[str, tuple[Parameter, ...]]:
    """Return the parameters of every `extern "C"` kernel of a CUDA source, by the kernel's name.

    Raises ValueError for a parameter whose type is not understood.
    """
    found = {}
    for name, parameters in _KERNEL.findall(_COMMENT.sub(" ", text)):
        parts = [part for part in parameters.split(",") if part.strip()]
        found[name] = tuple(_parameter(name, part) for part in parts)
    return found


def check(kernel: str, parameters: Sequence[Parameter], arguments: Sequence[Argument]) -> None:
    """Raise TypeError or ValueError unless the kernel can be launched with these arguments."""
    if len(parameters) != len(arguments):
        raise TypeError(f"{kernel} takes {len(parameters)} arguments, got {len(arguments)}")
    for parameter, argument in zip(parameters, arguments, strict=True):
        try:
            parameter.check(argument)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{kernel}: {error}") from None


def _parameter(kernel: str, text: str) -> Parameter:
    """Understand `const unsigned char* __restrict__ image` and the like."""
    declaration = text.replace("__restrict__", " ").strip()
    before, star, after = declaration.rpartition("*")
    if star:
        words, name = before.split(), after.strip()
    else:
        *words, name = declaration.split()
    plain = " ".join(word for word in words if word != "const")
    kind = _NUMBERS.get(plain, "")
    if "*" in plain or not name.isidentifier() or not (kind or star):
        raise ValueError(f"{kernel}: the parameter '{declaration}' is not understood")
    return Parameter(name, kind, bool(star), bool(star) and "const" in words)
