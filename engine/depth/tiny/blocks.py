"""The bricks of the built-in network: convolutions that a CPU runs fast.

Every convolution is a full 3×3 or 1×1 one with batch norm and ReLU: runtimes fold both into it.
Images may have any size: each halving rounds up, and the decoder returns to the sizes it came from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class Conv(nn.Sequential):
    """Convolution, batch norm and, unless `linear`, ReLU; [N, in, h, w] → [N, out, h', w']."""

    def __init__(
        self, inputs: int, outputs: int, size: int = 3, *, stride: int = 1, linear: bool = False
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        super().__init__(*layers, *([] if linear else [nn.ReLU()]))


class Residual(nn.Module):
    """Two 3×3 convolutions and a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv(channels, channels)
        self.second = Conv(channels, channels, linear=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape."""
        return torch.relu(features + self.second(self.first(features)))


class GlobalMixing(nn.Module):
    """A transformer block over all places of a coarse map [N, C, h, w].

    Depth is relative: what is near is decided by looking at the whole picture. Places are told
    apart by the coordinate channels that entered with the motion.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.to_qkv = nn.Linear(channels, 3 * channels)
        self.to_out = nn.Linear(channels, channels)
        self.second_norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 2 * channels)
        self.narrow = nn.Linear(2 * channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape."""
        count, channels, height, width = features.shape
        places = features.flatten(2).transpose(1, 2)  # [N, P, C]
        heads = (count, height * width, self.heads, channels // self.heads)
        query, key, value = (
            part.reshape(heads).transpose(1, 2)
            for part in self.to_qkv(self.norm(places)).chunk(3, dim=-1)
        )
        scores = torch.matmul(query, key.transpose(2, 3)) * heads[3] ** -0.5
        mixed = torch.matmul(torch.softmax(scores, dim=-1), value)
        places = places + self.to_out(mixed.transpose(1, 2).flatten(2))
        hidden = torch.relu(self.widen(self.second_norm(places)))
        places = places + self.narrow(hidden)
        mapped: Tensor = places.transpose(1, 2).reshape(count, channels, height, width)
        return mapped


class Rise(nn.Module):
    """One step of the decoder: coarse features and finer ones from the encoder, joined."""

    def __init__(self, coarse: int, fine: int, outputs: int) -> None:
        super().__init__()
        self.lead = Conv(coarse, outputs, 1, linear=True)
        self.skip = Conv(fine, outputs, 1, linear=True)
        self.join = Conv(outputs, outputs)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return [N, outputs, h, w] at the size of `fine`."""
        risen = interpolate(
            self.lead(coarse), size=fine.shape[-2:], mode="bilinear", align_corners=False
        )
        joined: Tensor = self.join(torch.relu(risen + self.skip(fine)))
        return joined
