"""Priming in plain PyTorch: the definition."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def prime_on(flag: Tensor, state: Sequence[Tensor], fresh: Sequence[Tensor]) -> None:
    """Overwrite `state` with `fresh`, in place, where the flag bool [1] is set."""
    for old, new in zip(state, fresh, strict=True):
        torch.where(flag, new, old, out=old)
