"""The selective scan (S6) of Mamba: a sequence at once, one token, and one token of a whole block.

    h = exp(dt·A)·h + dt·u·B        y = ⟨C, h⟩ + D·u, times silu(z)

Space is the batch and time the only sequence: a plain loop over it keeps every core busy. The
native forms serve whoever neither differentiates nor exports; the reference does all three.
Source: Gu and Dao 2023, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces";
signatures and layouts as in state-spaces/mamba.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.inference import fast_forms, plain
from stereocast.kernels.scan import cuda, reference
from stereocast.kernels.scan.reference import TokenWeights, gathered
from stereocast.kernels.scan.shapes import check_scan, check_step, check_token

__all__ = ["TokenWeights", "gathered", "selective_scan", "selective_scan_step", "token_step"]


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = True,
    *,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor] | Tensor:
    """Run the recurrence over whole sequences.

    u, delta       float [B, D, L]: inputs, and their step sizes before bias and softplus
    A              [D, N], negative where the state is to decay
    B, C           [B, N, L], or [B, G, N, L]: channel d uses group d // (D / G)
    D, delta_bias  [D];  z [B, D, L], the gate
    initial_state  [B, D, N], zero where none is given
    returns        y [B, D, L] of u's dtype, and the last state float32 [B, D, N] unless
                   `return_last_state` is False

    Computes in float32 (float64 if u is), whatever goes in. To run the rest of a sequence from the
    last state of its beginning gives the same bits as to run the whole.
    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    B, C = (grouped[:, None] if grouped.ndim == 3 else grouped for grouped in (B, C))
    check_scan(u, A, {"delta": delta, "z": z}, {"B": B, "C": C}, {"D": D, "delta_bias": delta_bias})
    shape = (*u.shape[:2], A.shape[1])
    if initial_state is None:
        state = torch.zeros(shape, dtype=reference.wide(u[:0]).dtype, device=u.device)
    elif tuple(initial_state.shape) == shape:
        state = initial_state
    else:
        raise ValueError(
            f"selective_scan needs an initial_state {shape}, got {tuple(initial_state.shape)}"
        )
    bias = (delta_bias, delta_softplus)
    y, state = _scan(state, u, delta, A, (B, C), (D, z), bias)
    y = y.to(u.dtype)
    return (y, state) if return_last_state else y


def selective_scan_step(
    state: Tensor,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    dt_bias: Tensor | None = None,
    dt_softplus: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run the recurrence by one token.

    state       [b, D, N], or with heads [b, H, P, N]
    x, dt, z    [b, D], or [b, H, P]
    A           [D, N], or [H, P, N]
    B, C        [b, N], or [b, G, N]: channel d uses group d // (D / G), head h uses h // (H / G)
    D, dt_bias  [D], or [H, P]
    returns     y like x, and the new state like `state`

    Everything but B and C may be expanded: Mamba-2's one A per head is A[:, None, None], its one dt
    per head dt[..., None]. Computes in float32 (float64 if x is); the state keeps its own dtype.
    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    shape, inner = tuple(state.shape), tuple(state.shape[1:-1])
    check_step(state, (x, dt, z), A, (B, C), (D, dt_bias))
    batch, size, channels = shape[0], shape[-1], inner[0] * (inner[1] if len(inner) == 2 else 1)

    def of_tokens(values: Tensor) -> Tensor:
        return values.expand(batch, *inner).reshape(batch, channels)

    def of_channels(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.expand(inner).reshape(channels)

    groups = tuple(way[:, None] if way.ndim == 2 else way for way in (B, C))
    y, new = _scan(
        state.reshape(batch, channels, size),
        of_tokens(x)[..., None],
        of_tokens(dt)[..., None],
        A.expand(*inner, size).reshape(channels, size),
        (groups[0][..., None], groups[1][..., None]),
        (of_channels(D), None if z is None else of_tokens(z)[..., None]),
        (of_channels(dt_bias), dt_softplus),
    )
    return y.reshape(x.shape).to(x.dtype), new.reshape(shape).to(state.dtype)


def token_step(
    conv: Tensor, ssm: Tensor, xz: Tensor, weights: TokenWeights, source: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Run an S6 block by one token, from its first projection's output to its last one's input.

    conv     [b, D, W - 1], the last inputs of the convolution, oldest first
    ssm      [b, D, N], the state of the scan
    xz       [b, 2D], the first projection's output: the input, then the gate
    source   int64 [b], whose states each token continues, below b; negative: of nobody, zeros.
             None: its own
    returns  the new conv and ssm, of their dtypes, and y [b, D] of xz's

    Gathering, convolution, silu, both projections, scan and gate in one pass over the states.
    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    check_token(conv, ssm, xz, weights, source)
    parts = tuple(vars(weights).values())
    launcher, module = fast_forms(conv, ssm, xz, *parts)
    if launcher is not None:
        new_conv, new_ssm, y = cuda.token_step(launcher, conv, ssm, xz, weights, source)
    elif module is not None:
        past, states, inputs = plain(conv), plain(ssm), plain(xz)
        new_conv, new_ssm = torch.empty_like(past), torch.empty_like(states)
        y = torch.empty_like(inputs[:, : weights.A.shape[0]])
        order = None if source is None else source.contiguous()
        module.token_step(past, states, inputs, *map(plain, parts), order, new_conv, new_ssm, y)
    else:
        new_conv, new_ssm, y = reference.token_step(conv, ssm, xz, weights, source)
    return new_conv.to(conv.dtype), new_ssm.to(ssm.dtype), y.to(xz.dtype)


def _scan(
    state: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    BC: tuple[Tensor, Tensor],
    skip: tuple[Tensor | None, Tensor | None],
    bias: tuple[Tensor | None, bool],
) -> tuple[Tensor, Tensor]:
    """Scan as `reference.scan` says, by whatever is fastest; `state` stays as it was."""
    launcher, module = fast_forms(u, state, delta, A, *BC, *skip, bias[0])
    if launcher is None and module is None:
        return reference.scan(state, u, delta, A, BC, skip, bias)
    B, C = (plain(grouped.transpose(2, 3)) for grouped in BC)  # [B, G, L, N]
    inputs = (plain(u), plain(delta), plain(A), B, C)
    D, z, shift = (None if x is None else plain(x) for x in (*skip, bias[0]))
    last = plain(state).clone()
    if launcher is not None:
        return cuda.scan(launcher, inputs, (D, z, shift), bias[1], last), last
    assert module is not None
    y = torch.empty_like(inputs[0])
    module.selective_scan(*inputs, D, z, shift, bias[1], last, y)
    return y, last
