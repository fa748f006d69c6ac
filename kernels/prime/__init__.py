"""Overwrite tensors with fresh values where a flag says so, without anybody reading the flag.

What a scene cut does to everything remembered, on a device that must not be waited for. Which
tensors those are, is decided in `stereocast.engine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels.launch import serving
from stereocast.kernels.prime import cuda, reference


@dataclass(frozen=True)
class Priming:
    """Tensors and what they begin with.

    state, fresh  pairs of contiguous tensors of one shape, dtype and device
    table         int64 [tensors, 3], their addresses and sizes for the CUDA form, which holds as
                  long as they lie where they lie
    """

    state: tuple[Tensor, ...]
    fresh: tuple[Tensor, ...]
    table: Tensor


def priming(state: Sequence[Tensor], fresh: Sequence[Tensor]) -> Priming:
    """Pair tensors with their fresh values. Raises ValueError for pairs that do not fit."""
    for old, new in zip(state, fresh, strict=True):
        same = (old.shape, old.dtype, old.device) == (new.shape, new.dtype, new.device)
        if not same or not (old.is_contiguous() and new.is_contiguous()):
            raise ValueError(
                "priming needs contiguous pairs of one shape, dtype and device, got "
                f"{old.dtype} {tuple(old.shape)} on {old.device} and "
                f"{new.dtype} {tuple(new.shape)} on {new.device}"
            )
    device = state[0].device if state else torch.device("cpu")
    rows = [
        (old.data_ptr(), new.data_ptr(), old.numel() * old.element_size())
        for old, new in zip(state, fresh, strict=True)
    ]
    table = torch.tensor(rows, dtype=torch.int64, device=device).reshape(-1, 3)
    return Priming(tuple(state), tuple(fresh), table)


def prime_on(flag: Tensor, pairs: Priming) -> None:
    """Overwrite the state with its fresh values, in place, if `flag` bool [1] is set.

    Nothing is read on the host. Raises ValueError for another flag.
    """
    if flag.dtype != torch.bool or flag.shape != (1,):
        raise ValueError(f"prime_on needs a flag bool [1], got {flag.dtype} {tuple(flag.shape)}")
    if not pairs.state:
        return
    launcher = serving(flag, pairs.table)
    if launcher is None:
        reference.prime_on(flag, pairs.state, pairs.fresh)
    else:
        cuda.prime_on(launcher, flag, pairs.table)
