"""Who runs the CUDA form of an operation: the launcher in force, chosen by where the tensors are.

    with launching(launcher): ...       every operation below runs on it, where it serves
    launcher = serving(*tensors)        None: the tensors are none of its business

An operation's launches (grids, blocks, scratch memory) are in `kernels/<op>/cuda.py`, and take the
launcher as an argument. On a GPU it is a `loader.Loader`; in tests the CPU emulator or a recorder
stand in, and see the very same launches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import torch
from torch import Tensor

from stereocast.kernels.signatures import Argument


class Launcher(Protocol):
    """Something that executes kernels."""

    def serves(self, device: torch.device) -> bool:
        """Return whether it can execute on memory of `device`."""

    def launch(
        self, op: str, kernel: str, *, grid: Sequence[int], block: Sequence[int],
        args: Sequence[Argument], shared_bytes: int = 0,
    ) -> None:  # fmt: skip
        """Execute one kernel of `kernels/<op>/kernel.cu` after all that was asked for before.

        grid, block   one to three sizes
        shared_bytes  dynamic shared memory per block
        Raises TypeError or ValueError for arguments that do not fit the kernel.
        """


_in_force: ContextVar[Launcher | None] = ContextVar("launcher", default=None)


@contextmanager
def launching(launcher: Launcher) -> Iterator[None]:
    """Let `launcher` run the CUDA forms of all operations called inside, in this thread."""
    token = _in_force.set(launcher)
    try:
        yield
    finally:
        _in_force.reset(token)


def serving(*tensors: Tensor) -> Launcher | None:
    """Return who runs the CUDA form for `tensors`, or None where another form serves them.

    On a CUDA device without a launcher in force a loader is made, for this thread, which compiles
    what it needs in memory. Raises ValueError for tensors of several devices there.
    """
    launcher, device = _in_force.get(), tensors[0].device
    if launcher is None or not launcher.serves(device):
        if device.type != "cuda":
            return None
        from stereocast.kernels.loader import Loader

        launcher = Loader()
        _in_force.set(launcher)
    others = {str(tensor.device) for tensor in tensors if tensor.device != device}
    if others:
        raise ValueError(f"tensors of one device are needed, got {device} and {', '.join(others)}")
    return launcher


def blocks(count: int, size: int) -> int:
    """Return how many blocks of `size` threads cover `count` of them."""
    return -(-count // size)


TILE = (32, 8)
"""The block of the kernels that give every pixel a thread."""


def tiles(height: int, width: int) -> tuple[int, int]:
    """Return the grid of TILE blocks that covers a picture of height × width."""
    return blocks(width, TILE[0]), blocks(height, TILE[1])
