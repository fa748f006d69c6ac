"""Launchers that need no GPU: one executes on the CPU, the other only writes down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from stereocast.kernels.signatures import Argument, check, signatures
from stereocast.kernels.sources import read_source
from tests.cuda_on_cpu import KERNELS, ORDERS, run_kernel


@dataclass(frozen=True)
class Launch:
    """One launch as it was asked for."""

    op: str
    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    args: tuple[Argument, ...]
    shared_bytes: int


@dataclass
class Recorder:
    """Check every launch as a GPU's loader would, and keep it; nothing is executed."""

    launches: list[Launch] = field(default_factory=list)

    def serves(self, device: torch.device) -> bool:
        return True

    def launch(
        self, op: str, kernel: str, *, grid: Sequence[int], block: Sequence[int],
        args: Sequence[Argument], shared_bytes: int = 0,
    ) -> None:  # fmt: skip
        check(kernel, signatures(read_source(op).text)[kernel], args)
        sizes = zip((*grid, 1, 1), (2**31 - 1, 65535, 65535), strict=False)
        assert all(1 <= n <= most for n, most in sizes), f"{kernel}: grid {tuple(grid)}"
        launch = Launch(op, kernel, tuple(grid), tuple(block), tuple(args), shared_bytes)
        self.launches.append(launch)

    @property
    def kernels(self) -> set[str]:
        return {launch.kernel for launch in self.launches}


@dataclass
class Emulator(Recorder):
    """Execute every launch on the CPU; `orders` of blocks and threads, see `run_kernel`."""

    orders: Sequence[str] = ORDERS

    def launch(
        self, op: str, kernel: str, *, grid: Sequence[int], block: Sequence[int],
        args: Sequence[Argument], shared_bytes: int = 0,
    ) -> None:  # fmt: skip
        super().launch(op, kernel, grid=grid, block=block, args=args, shared_bytes=shared_bytes)
        run_kernel(
            KERNELS / op / "kernel.cu", kernel, grid=grid, block=block, args=args,
            shared_bytes=shared_bytes, orders=self.orders,
        )  # fmt: skip
