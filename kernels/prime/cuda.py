"""The launch of the CUDA form; kernel.cu says what it does."""

from __future__ import annotations

from torch import Tensor

from stereocast.kernels.launch import Launcher

_BLOCKS = 64  # share one tensor: enough for megabytes, and cheap where nothing is to be done


def prime_on(launcher: Launcher, flag: Tensor, table: Tensor) -> None:
    """Overwrite every tensor of the table in one launch."""
    launcher.launch(
        "prime", "stereocast_prime", grid=(_BLOCKS, len(table)), block=(256,), args=(flag, table)
    )
