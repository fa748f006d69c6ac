"""Which fast form may run an operation that can also be trained."""

from __future__ import annotations

from types import ModuleType

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.launch import Launcher, serving


def fast_forms(*tensors: Tensor | None) -> tuple[Launcher | None, ModuleType | None]:
    """Return the launcher and the native module that serve; the reference does where none is.

    None are where somebody differentiates through `tensors`, exports them, or wants float64: the
    references do all three. The first tensor is not None and says on which device all are.
    """
    given = [tensor for tensor in tensors if tensor is not None]
    if torch.compiler.is_compiling() or any(x.dtype == torch.float64 for x in given):
        return None, None
    if torch.is_grad_enabled() and any(x.requires_grad for x in given):
        return None, None
    return serving(*given), native.serving(*given)


def plain(tensor: Tensor) -> Tensor:
    """Return `tensor` as the fast forms take it: contiguous, float32, without a history."""
    return tensor.detach().float().contiguous()
