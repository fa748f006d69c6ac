"""The launches of the CUDA form; kernel.cu says what they compute."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.inference import plain
from stereocast.kernels.launch import Launcher, blocks
from stereocast.kernels.scan.reference import TokenWeights

_OP = "scan"
_THREADS = 256
_WARP = 32
_TOKEN_THREADS = 256  # at most; a token of few channels takes fewer


def scan(
    launcher: Launcher, inputs: tuple[Tensor, Tensor, Tensor, Tensor, Tensor],
    options: tuple[Tensor | None, Tensor | None, Tensor | None], softly: bool, state: Tensor,
) -> Tensor:  # fmt: skip
    """Return y [B, D, L]; `state` changes in place.

    inputs   u, delta, A, B, C, all float32, the last two [B, G, L, N]
    options  D, z, delta_bias
    """
    u, _, A, B, _ = inputs
    batch, channels, length = u.shape
    y = torch.empty_like(u)
    launcher.launch(
        _OP, "stereocast_scan", grid=(blocks(batch * channels, _THREADS),), block=(_THREADS,),
        args=(*inputs, *options, int(softly), batch, channels, B.shape[1], length, A.shape[1],
              state, y),
    )  # fmt: skip
    return y


def token_step(
    launcher: Launcher, conv: Tensor, ssm: Tensor, xz: Tensor, weights: TokenWeights,
    source: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the new states and y; what is float16 and fits the kernel stays so."""
    halves = conv.dtype == xz.dtype == torch.float16
    conv, xz = (tensor.contiguous() if halves else plain(tensor) for tensor in (conv, xz))
    ssm = plain(ssm)
    (channels, size), width, rank = weights.A.shape, weights.conv.shape[1], weights.dt_proj.shape[1]
    order = None if source is None else source.contiguous()
    new_conv, new_ssm = torch.empty_like(conv), torch.empty_like(ssm)
    y = xz.new_empty(len(xz), channels)
    threads = min(_WARP * blocks(channels, _WARP), _TOKEN_THREADS)
    launcher.launch(
        _OP, f"stereocast_scan_token_{'f16' if halves else 'f32'}", grid=(len(xz),),
        block=(threads,), shared_bytes=4 * (channels + rank + 2 * size),
        args=(conv, ssm, xz, *(plain(part) for part in vars(weights).values()), order,
              channels, width, rank, size, new_conv, new_ssm, y),
    )  # fmt: skip
    return new_conv, new_ssm, y
