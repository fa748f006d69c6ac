"""The DINOv2 vision transformer: a picture becomes four maps of tokens; frames do not mix here.

Attribute names are those of the official checkpoints (prefix `pretrained.`). Source: depth.md §1.2
of the design; DINOv2, Oquab et al. 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stereocast.engine.depth.vda.architecture import (
    ENCODER_NORM_EPS,
    PATCH,
    Architecture,
    token_grid,
)

_POSITION_OFFSET = 0.1  # tokens; upstream's guard against rounding, part of the trained numerics


class Norm(nn.LayerNorm):
    """A layer norm that computes in the precision of its own weights: an fp32 island in fp16."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., C] normalised over its channels, in the precision it came in."""
        return super().forward(x.to(self.weight.dtype)).to(x.dtype)


class PatchEmbedding(nn.Module):
    """Cut a picture into patches and project each to a token."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, PATCH, stride=PATCH)

    def forward(self, images: Tensor) -> Tensor:
        """Return tokens [T, P, D], row by row, of images [T, 3, h, w]."""
        tokens: Tensor = self.proj(images)
        return tokens.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Plain softmax attention among the tokens of one frame."""

    def __init__(self, dim: int, heads: int, *, folded: bool) -> None:
        super().__init__()
        self.heads = heads
        self.scale = 1.0 if folded else (dim // heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return the attention's contribution to x [T, 1+P, D]."""
        frames, tokens, dim = x.shape
        packed = self.qkv(x).view(frames, tokens, 3, self.heads, dim // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, scale=self.scale)
        result: Tensor = self.proj(mixed.transpose(1, 2).reshape(frames, tokens, dim))
        return result


class FeedForward(nn.Module):
    """Two linear layers with an exact (erf) GELU between them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's contribution to x [..., D]."""
        result: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return result


class LayerScale(nn.Module):
    """A trained factor per channel; folding moves it into the layer before it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., D] scaled."""
        return x * self.gamma


class Block(nn.Module):
    """One pre-norm transformer block."""

    def __init__(self, architecture: Architecture, *, folded: bool) -> None:
        super().__init__()
        dim = architecture.dim
        self.norm1 = Norm(dim, eps=ENCODER_NORM_EPS)
        self.attn = Attention(dim, architecture.heads, folded=folded)
        self.ls1 = nn.Identity() if folded else LayerScale(dim)
        self.norm2 = Norm(dim, eps=ENCODER_NORM_EPS)
        self.mlp = FeedForward(dim)
        self.ls2 = nn.Identity() if folded else LayerScale(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return the next x [T, 1+P, D]."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        x = x + self.ls2(self.mlp(self.norm2(x)))
        return x


class Encoder(nn.Module):
    """Map pictures [T, 3, h, w] to the token maps of four of its blocks.

    Built for a `grid` of h × w pixels it is the folded form: one table `positions` instead of
    `cls_token` and `pos_embed`, no layer scales, scaled queries, pictures in [0, 1]. Without a grid
    it takes any size and normalised pictures.
    """

    def __init__(self, architecture: Architecture, *, grid: tuple[int, int] | None = None) -> None:
        super().__init__()
        dim, side = architecture.dim, architecture.position_side
        self.taps = architecture.taps
        self.folded = grid is not None
        self.patch_embed = PatchEmbedding(dim)
        if grid is None:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
            self.pos_embed = nn.Parameter(torch.zeros(1, 1 + side * side, dim))
        else:
            rows, columns = token_grid(grid)
            self.positions = nn.Parameter(torch.zeros(1, 1 + rows * columns, dim))
        self.blocks = nn.ModuleList(
            Block(architecture, folded=self.folded) for _ in range(architecture.depth)
        )
        self.norm = Norm(dim, eps=ENCODER_NORM_EPS)

    def tokens(self, images: Tensor) -> Tensor:
        """Return the blocks' input [T, 1+P, D]: class token, then patches, with their positions."""
        patches = self.patch_embed(images)
        first_and_rest = (
            self.positions
            if self.folded
            else position_table(self.cls_token, self.pos_embed, token_grid(_size(images)))
        )
        first = first_and_rest[:, :1].expand(len(patches), -1, -1)
        return torch.cat((first, patches + first_and_rest[:, 1:]), dim=1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the four taps [T, P, D], shallow to deep, all through the one final norm."""
        x = self.tokens(images)
        taps = []
        for number, block in enumerate(self.blocks[: self.taps[-1] + 1]):
            x = block(x)
            if number in self.taps:
                taps.append(self.norm(x[:, 1:]))
        return taps


def _size(images: Tensor) -> tuple[int, int]:
    return images.shape[-2], images.shape[-1]


def position_table(cls_token: Tensor, pos_embed: Tensor, tokens: tuple[int, int]) -> Tensor:
    """Return what is added to the tokens, [1, 1+P, D], for a grid of `tokens` = (rows, columns).

    Row 0 holds class token and its position. The resampling step is 1 / scale factor with the
    factor 0.1 tokens too large, as the network was trained, not the ratio of the sizes.
    """
    side = round((pos_embed.shape[1] - 1) ** 0.5)
    first = cls_token + pos_embed[:, :1]
    patches = pos_embed[:, 1:]
    if tokens != (side, side):
        table = patches.unflatten(1, (side, side)).permute(0, 3, 1, 2)
        factors = [(count + _POSITION_OFFSET) / side for count in tokens]
        table = functional.interpolate(table, scale_factor=factors, mode="bicubic")
        patches = table.flatten(2).transpose(1, 2)
    return torch.cat((first, patches), dim=1)
