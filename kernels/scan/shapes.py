"""What the arguments of a scan must look like. No arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from stereocast.kernels.scan.reference import TokenWeights

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def check_scan(
    u: Tensor,
    A: Tensor,
    like_u: Mapping[str, Tensor | None],
    ways: Mapping[str, Tensor],
    channels: Mapping[str, Tensor | None],
) -> None:
    """Demand a sequence u [B, D, L] with what belongs to it: like u, into and out of the state [B,
    G, N, L], and per channel [D].
    """
    if u.ndim != 3 or A.ndim != 2 or 0 in u.shape or 0 in A.shape or A.shape[0] != u.shape[1]:
        raise ValueError(
            "selective_scan needs u [B, D, L] and A [D, N], "
            f"got {tuple(u.shape)} and {tuple(A.shape)}"
        )
    batch, count, length = u.shape
    given = {"u": u, "A": A}
    for name, tensor in like_u.items():
        given |= _shaped("selective_scan", name, tensor, (batch, count, length))
    for name, tensor in channels.items():
        given |= _shaped("selective_scan", name, tensor, (count,))
    for name, tensor in ways.items():
        groups = tensor.shape[1] if tensor.ndim == 4 else 0
        if groups < 1 or count % groups:
            raise ValueError(
                f"selective_scan needs {name} [B, N, L] or [B, G, N, L] with G a divisor of "
                f"{count} channels, got {tuple(tensor.shape)}"
            )
        given |= _shaped("selective_scan", name, tensor, (batch, groups, A.shape[1], length))
    _alike("selective_scan", given)


def check_step(
    state: Tensor,
    like_x: tuple[Tensor, Tensor, Tensor | None],
    A: Tensor,
    ways: tuple[Tensor, Tensor],
    channels: tuple[Tensor | None, Tensor | None],
) -> None:
    """Demand a state [b, D, N] or [b, H, P, N] with x, dt, z; A; B, C; D and bias of its sizes."""
    name = "selective_scan_step"
    if state.ndim not in (3, 4) or 0 in state.shape:
        raise ValueError(
            f"{name} needs a state [b, D, N] or [b, H, P, N], got {tuple(state.shape)}"
        )
    batch, *inner, size = state.shape
    given = {"state": state} | _shaped(name, "x", like_x[0], (batch, *inner))
    expanded: tuple[tuple[str, Tensor | None, tuple[int, ...]], ...] = (
        ("dt", like_x[1], (batch, *inner)),
        ("A", A, (*inner, size)),
        ("z", like_x[2], (batch, *inner)),
        ("D", channels[0], tuple(inner)),
        ("dt_bias", channels[1], tuple(inner)),
    )
    for label, tensor, shape in expanded:
        if tensor is not None:
            given |= _expandable(name, label, tensor, shape)
    for label, tensor in zip(("B", "C"), ways, strict=True):
        groups = tensor.shape[1] if tensor.ndim == 3 else 1
        if tensor.ndim not in (2, 3) or groups < 1 or inner[0] % groups:
            raise ValueError(
                f"{name} needs {label} [b, N] or [b, G, N] with G a divisor of {inner[0]}, "
                f"got {tuple(tensor.shape)}"
            )
        whole = (batch, size) if tensor.ndim == 2 else (batch, groups, size)
        given |= _shaped(name, label, tensor, whole)
    _alike(name, given)


def check_token(
    conv: Tensor, ssm: Tensor, xz: Tensor, weights: TokenWeights, source: Tensor | None
) -> None:
    """Demand that states, token and weights of a block belong together, and the order is one."""
    if weights.A.ndim != 2 or weights.conv.ndim != 2 or weights.dt_proj.ndim != 2 or xz.ndim != 2:
        raise ValueError(
            "token_step needs xz, and conv, dt_proj and A of the weights, with two axes"
        )
    (channels, size), width, batch = weights.A.shape, weights.conv.shape[1], xz.shape[0]
    rank = weights.dt_proj.shape[1]
    wanted = {
        "xz": (xz, (batch, 2 * channels)),
        "conv": (conv, (batch, channels, width - 1)),
        "ssm": (ssm, (batch, channels, size)),
        "weights.conv": (weights.conv, (channels, width)),
        "weights.conv_bias": (weights.conv_bias, (channels,)),
        "weights.x_proj": (weights.x_proj, (rank + 2 * size, channels)),
        "weights.dt_proj": (weights.dt_proj, (channels, rank)),
        "weights.dt_bias": (weights.dt_bias, (channels,)),
        "weights.D": (weights.D, (channels,)),
    }
    given = {"weights.A": weights.A}
    for label, (tensor, shape) in wanted.items():
        given |= _shaped("token_step", label, tensor, shape)
    _alike("token_step", given)
    if source is None:
        return
    if source.dtype != torch.int64 or source.device != xz.device:
        raise TypeError(
            f"token_step needs source of int64 on {xz.device}, got {source.dtype} on "
            f"{source.device}"
        )
    _shaped("token_step", "source", source, (batch,))


def _shaped(op: str, name: str, tensor: Tensor | None, shape: tuple[int, ...]) -> dict[str, Tensor]:
    if tensor is None:
        return {}
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{op} needs {name} {list(shape)}, got {list(tensor.shape)}")
    return {name: tensor}


def _expandable(op: str, name: str, tensor: Tensor, shape: tuple[int, ...]) -> dict[str, Tensor]:
    own = tuple(tensor.shape)
    fits = len(own) == len(shape) and all(
        n in (1, whole) for n, whole in zip(own, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{op} needs {name} that expands to {list(shape)}, got {list(own)}")
    return {name: tensor}


def _alike(op: str, tensors: Mapping[str, Tensor]) -> None:
    """Demand floats on one device."""
    device = next(iter(tensors.values())).device
    for name, tensor in tensors.items():
        if tensor.dtype not in FLOATS:
            raise TypeError(f"{op} needs floats, got {name} of {tensor.dtype}")
        if tensor.device != device:
            raise ValueError(f"{op} needs one device, got {name} on {tensor.device}, not {device}")
