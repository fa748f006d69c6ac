"""The selective scan in plain PyTorch: the definition of all its forms, and the one that trains.

Letters are the papers': u or x is the input, dt its step size, A the decay, B and C the ways into
and out of the state h. Arithmetic is float32 at least; only what goes in and out may be smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus


@dataclass(frozen=True)
class TokenWeights:
    """What an S6 block does to a token between its first and its last projection.

    conv      [D, W], weights of the depthwise causal convolution, oldest input first
    conv_bias [D]
    x_proj    [R + 2N, D], from the token to dt (R low-rank numbers), B and C
    dt_proj   [D, R];  dt_bias [D], added inside the softplus
    A         [D, N], negative;  D [D], the share of the input that passes by
    """

    conv: Tensor
    conv_bias: Tensor
    x_proj: Tensor
    dt_proj: Tensor
    dt_bias: Tensor
    A: Tensor
    D: Tensor


def wide(tensor: Tensor) -> Tensor:
    """Return `tensor` in float32, float64 as it is."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def scan(
    state: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    BC: tuple[Tensor, Tensor],
    skip: tuple[Tensor | None, Tensor | None],
    bias: tuple[Tensor | None, bool],
) -> tuple[Tensor, Tensor]:
    """Return y [B, D, L] and the last state [B, D, N] of a sequence that starts from `state`.

    u, delta [B, D, L], A [D, N]; BC: B and C [B, G, N, L]; skip: D [D] and z [B, D, L]; bias:
    delta_bias [D] and whether the softplus follows it.
    """
    outputs = []
    B, C = BC
    D, z = skip
    for t in range(u.shape[2]):
        gate = None if z is None else z[:, :, t]
        here = (B[..., t], C[..., t])
        y, state = step(state, u[:, :, t], delta[:, :, t], A, here, (D, gate), bias)
        outputs.append(y)
    return torch.stack(outputs, dim=2), state


def step(
    state: Tensor,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    BC: tuple[Tensor, Tensor],
    skip: tuple[Tensor | None, Tensor | None],
    bias: tuple[Tensor | None, bool],
) -> tuple[Tensor, Tensor]:
    """Return y [b, D] and the new state [b, D, N] of one token; arguments as in `scan`, without L.

    A is discretised by zero-order hold, B by Euler's rule.
    """
    (D, z), (dt_bias, dt_softplus) = skip, bias
    dt = wide(dt) if dt_bias is None else wide(dt) + wide(dt_bias)
    if dt_softplus:
        dt = softplus(dt)
    B, C = (_of_channels(wide(grouped), x.shape[1]) for grouped in BC)
    x = wide(x)
    state = torch.exp(dt[..., None] * wide(A)) * wide(state) + (dt * x)[..., None] * B
    y = (state * C).sum(-1)
    if D is not None:
        y = y + wide(D) * x
    return (y if z is None else y * silu(wide(z))), state


def _of_channels(grouped: Tensor, channels: int) -> Tensor:
    """Return [b, G, N] as [b, 1 or D, N]: neighbouring channels share a group."""
    groups = grouped.shape[1]
    return grouped if groups == 1 else grouped.repeat_interleave(channels // groups, dim=1)


def gathered(states: Tensor, source: Tensor) -> Tensor:
    """Return `states` [b, …] in the order of int64 `source` [b]; zeros where that is negative."""
    moved = states.index_select(0, source.clamp_min(0))
    return torch.where(source.reshape(-1, *[1] * (states.ndim - 1)) < 0, 0, moved)


def token_step(
    conv: Tensor, ssm: Tensor, xz: Tensor, weights: TokenWeights, source: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Advance an S6 block by a token, as `stereocast.kernels.scan.token_step` says."""
    if source is not None:
        conv, ssm = gathered(conv, source), gathered(ssm, source)
    x, z = wide(xz).chunk(2, dim=-1)
    inputs = torch.cat([wide(conv), x[..., None]], dim=-1)
    token = silu((inputs * wide(weights.conv)).sum(-1) + wide(weights.conv_bias))
    rank, size = weights.dt_proj.shape[1], weights.A.shape[1]
    projected = token @ wide(weights.x_proj).T
    low, B, C = torch.split(projected, [rank, size, size], dim=-1)
    dt, BC = low @ wide(weights.dt_proj).T, (B[:, None], C[:, None])
    y, ssm = step(ssm, token, dt, weights.A, BC, (weights.D, z), (weights.dt_bias, True))
    return inputs[..., 1:], ssm, y
