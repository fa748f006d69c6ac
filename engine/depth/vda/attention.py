"""The temporal modules: at every place of the picture, the frames of a window attend to each other.

This is the sequence form, over whole windows; `cache.py` has the streaming form of the attention.
Attribute names are those of the official checkpoints. Source: depth.md §1.4 of the design.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from stereocast.engine.depth.vda.architecture import (
    GROUP_NORM_EPS,
    NORM_GROUPS,
    TEMPORAL_HEADS,
    TEMPORAL_NORM_EPS,
    WINDOW,
)
from stereocast.engine.depth.vda.encoder import Norm

Attend = Callable[[int, Tensor], Tensor]
"""Attention in time: (number of the sublayer, its normed input [T, positions, C]) -> output."""

_CHUNK_VALUES = 1 << 21  # bounds the widest intermediate, 8 times as large, to 64 MiB


class PositionTable(nn.Module):
    """Sinusoids of the frame's slot in the window; the checkpoint brings them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.pe: Tensor
        self.register_buffer("pe", torch.zeros(1, WINDOW, dim))


class TemporalAttention(nn.Module):
    """Unmasked attention over the frames of a window, at every place by itself.

    The position of a frame's slot is added to what queries, keys and values are made of, but not
    to the residual. Those three have no bias, the output has one.
    """

    def __init__(self, dim: int, *, folded: bool) -> None:
        super().__init__()
        self.scale = 1.0 if folded else (dim // TEMPORAL_HEADS) ** -0.5
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(dim, dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim)])
        self.pos_encoder = PositionTable(dim)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the attention's contribution for hidden [T, positions, C], T ≤ 32."""
        placed = hidden + self.pos_encoder.pe[0, : len(hidden), None]
        query, key, value = (
            project(placed).unflatten(-1, (TEMPORAL_HEADS, -1)).permute(1, 2, 0, 3)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, scale=self.scale)
        result: Tensor = self.to_out[0](mixed.permute(2, 0, 1, 3).flatten(2))
        return result


class GatedGelu(nn.Module):
    """Project to twice the width; the second half gates the first."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., width]."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        result: Tensor = value * functional.gelu(gate)
        return result


class FeedForward(nn.Module):
    """A gated feed-forward layer; slot 1 of the official list is a dropout without weights."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        layers = [GatedGelu(dim, 4 * dim), nn.Identity(), nn.Linear(4 * dim, dim)]
        self.net = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's contribution to x [..., C]."""
        result: Tensor = self.net(x)
        return result


class TemporalBlock(nn.Module):
    """Two attention sublayers and a feed-forward layer, each behind its norm."""

    def __init__(self, dim: int, *, folded: bool) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(
            TemporalAttention(dim, folded=folded) for _ in range(2)
        )
        self.norms = nn.ModuleList(Norm(dim, eps=TEMPORAL_NORM_EPS) for _ in range(2))
        self.ff = FeedForward(dim)
        self.ff_norm = Norm(dim, eps=TEMPORAL_NORM_EPS)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """Return the next x [T, positions, C]."""
        for number, norm in enumerate(self.norms):
            x = x + attend(number, norm(x))
        x = x + self.ff(self.ff_norm(x))
        return x

    def forward_clip(self, x: Tensor) -> Tensor:
        """Return the next x [T, positions, C] of a whole window, a few places at a time.

        Places do not see each other, so this only bounds the memory.
        """
        places = max(1, _CHUNK_VALUES // (x.shape[0] * x.shape[2]))
        parts = (self.forward(part, self._attend_in_window) for part in x.split(places, dim=1))
        return torch.cat(list(parts), dim=1)

    def _attend_in_window(self, number: int, hidden: Tensor) -> Tensor:
        result: Tensor = self.attention_blocks[number](hidden)
        return result


class FrameNorm(nn.GroupNorm):
    """A group norm per frame that computes in the precision of its own weights."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x [T, C, h, w] normalised, in the precision it came in."""
        return super().forward(x.to(self.weight.dtype)).to(x.dtype)


class TemporalTransformer(nn.Module):
    """Norm, projection, one temporal block, projection, and the input added back."""

    def __init__(self, dim: int, *, folded: bool) -> None:
        super().__init__()
        self.norm = FrameNorm(NORM_GROUPS, dim, eps=GROUP_NORM_EPS)
        self.proj_in = nn.Linear(dim, dim)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(dim, folded=folded)])
        self.proj_out = nn.Linear(dim, dim)

    @property
    def block(self) -> TemporalBlock:
        """The only block."""
        block = self.transformer_blocks[0]
        assert isinstance(block, TemporalBlock)
        return block

    def forward(self, x: Tensor, attend: Attend | None = None) -> Tensor:
        """Return x [T, C, h, w] after the frames have seen each other.

        attend  the attention to use; None: that of the sequence form, over the T frames given
        """
        hidden = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))
        if attend is None:
            hidden = self.block.forward_clip(hidden)
        else:
            hidden = self.block(hidden, attend)
        change = self.proj_out(hidden).transpose(1, 2).unflatten(2, x.shape[2:])
        result: Tensor = x + change
        return result


class MotionModule(nn.Module):
    """The level of nesting that the checkpoint's names have."""

    def __init__(self, dim: int, *, folded: bool) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(dim, folded=folded)

    def forward(self, x: Tensor, attend: Attend | None = None) -> Tensor:
        """See `TemporalTransformer`."""
        result: Tensor = self.temporal_transformer(x, attend)
        return result
