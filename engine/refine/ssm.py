"""The recurrent core of the refiner: a Mamba-1 (S6) block, as a sequence and token by token.

Parameters have upstream's names, so that state dicts go both ways. What surrounds the block (norm,
residual, the grid of tokens) is the network's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, silu

from stereocast.kernels.scan import TokenWeights, selective_scan, token_step

DT_RANGE = (1e-3, 1e-1)
"""Step sizes at the start are drawn log-uniformly from here."""


class S6(nn.Module):
    """One S6 block: projection, causal convolution, selective scan, gate, projection.

    Source: Gu and Dao 2023, "Mamba"; state-spaces/mamba, mamba_ssm/modules/mamba_simple.py. The
    state of the convolution holds the W - 1 past inputs; upstream keeps the current one as well.
    """

    def __init__(
        self,
        d_model: int = 32,
        *,
        d_state: int = 8,
        d_conv: int = 4,
        expand: int = 2,
        dt_rank: int | None = None,
    ) -> None:
        """Draw fresh weights; `dt_rank` is ⌈d_model / 16⌉ unless given.

        Raises ValueError for sizes below 1, and for a d_conv below 2, which would have no state.
        """
        super().__init__()
        rank = math.ceil(d_model / 16) if dt_rank is None else dt_rank
        if min(d_model, d_state, expand, rank) < 1 or d_conv < 2:
            raise ValueError(
                "S6 needs sizes of at least 1 and a d_conv of at least 2, got "
                f"d_model={d_model}, d_state={d_state}, d_conv={d_conv}, expand={expand}, "
                f"dt_rank={rank}"
            )
        self.d_model, self.d_state, self.d_conv, self.dt_rank = d_model, d_state, d_conv, rank
        self.d_inner = inner = expand * d_model
        self.in_proj = nn.Linear(d_model, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, d_conv, groups=inner, padding=d_conv - 1)
        self.x_proj = nn.Linear(inner, rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, d_model, bias=False)
        self._draw_step_sizes()

    def _draw_step_sizes(self) -> None:
        low, high = (math.log(bound) for bound in DT_RANGE)
        with torch.no_grad():
            dt = torch.exp(low + (high - low) * torch.rand(self.d_inner))
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))  # the softplus's inverse
            nn.init.uniform_(self.dt_proj.weight, -(self.dt_rank**-0.5), self.dt_rank**-0.5)

    def init(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Return the states before the first token: conv [b, d_inner, W - 1], ssm [b, d_inner, N].

        Zeros, on the weights' device; ssm is float32, conv has the weights' dtype.
        """
        weight = self.in_proj.weight
        conv = weight.new_zeros(tokens, self.d_inner, self.d_conv - 1)
        ssm = torch.zeros(tokens, self.d_inner, self.d_state, device=weight.device)
        return conv, ssm

    def step(
        self, conv: Tensor, ssm: Tensor, u: Tensor, source: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Advance by one token: u [b, d_model]; return the new conv and ssm, and y [b, d_model].

        Token n continues the states number source[n], int64 [b]; negative: zeros. None: its own.
        The law of state holds: conv and ssm are given away. Exports to ONNX as plain operators.
        """
        conv, ssm, y = token_step(conv, ssm, self.in_proj(u), self._token_weights(), source)
        return conv, ssm, self.out_proj(y)

    def forward(self, u: Tensor) -> Tensor:
        """Return y [b, L, d_model] of whole sequences u [b, L, d_model] that start from zero."""
        x, z = self.in_proj(u).transpose(1, 2).chunk(2, dim=1)  # [b, d_inner, L]
        weights, length = self._token_weights(), u.shape[1]
        past = self.d_conv - 1
        x = silu(conv1d(x, self.conv1d.weight, self.conv1d.bias, 1, past, 1, self.d_inner))
        x = x[..., :length]
        sizes = [self.dt_rank, self.d_state, self.d_state]
        low, B, C = self.x_proj(x.transpose(1, 2)).split(sizes, dim=-1)
        dt = (low @ self.dt_proj.weight.T).transpose(1, 2)
        y = selective_scan(
            x, dt, weights.A, B.transpose(1, 2), C.transpose(1, 2), weights.D, z,
            weights.dt_bias, delta_softplus=True, return_last_state=False,
        )  # fmt: skip
        assert isinstance(y, Tensor)
        out: Tensor = self.out_proj(y.transpose(1, 2))
        return out

    def undecayed(self) -> tuple[nn.Parameter, nn.Parameter]:
        """Return the parameters that an optimiser must not pull towards zero."""
        return self.A_log, self.D

    def _token_weights(self) -> TokenWeights:
        assert self.conv1d.bias is not None
        return TokenWeights(
            conv=self.conv1d.weight[:, 0],
            conv_bias=self.conv1d.bias,
            x_proj=self.x_proj.weight,
            dt_proj=self.dt_proj.weight,
            dt_bias=self.dt_proj.bias,
            A=-torch.exp(self.A_log.float()),  # in float32: step sizes span decades
            D=self.D.float(),
        )
