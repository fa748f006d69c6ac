"""What the built-in network remembers of past frames, and the attention of a frame to it.

Two things survive a frame. A ring of `ROWS` rows of keys and values at 1/16 of the picture: row
`index % ROWS` is what frame `index` left there. And the answer before the last non-linearity at
1/2 of the picture, towards which the next one is drawn where the picture rests (see `network`).

As in Video-Depth-Anything, how long ago a row was written changes with every frame, so ages stay
out of the rows: they enter the scores through a table, and the index is a tensor.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROWS = 8
"""Frames in the ring."""
AGES = 4
"""Entries of the table of ages; what is older counts as the oldest. Training sees no more."""
NO_FRAME = 0
"""The age of a row that no frame has written yet."""


def row_ages(index: Tensor) -> Tensor:
    """Return how many frames ago each row was written: int64 [ROWS], `NO_FRAME` for never.

    index  int64 [1], frames since the stream began
    """
    row = torch.arange(ROWS, device=index.device)
    age = (index - 1 - row) % ROWS + 1
    return torch.where(age <= index, age, NO_FRAME)


def row_of(index: Tensor, rows: int) -> Tensor:
    """Return the row of a ring in which a frame's part lies: int64 like `index`."""
    return index % rows


class Memory(nn.Module):
    """Attention over time at every place, on features [C, P] of one frame or [N, T, C, P] of clips.

    Keys and values are linear in the features, so rows are exact whatever their age becomes.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads, self.depth = heads, channels // heads
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.to_out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.to_out.weight)
        assert self.to_out.bias is not None
        nn.init.zeros_(self.to_out.bias)
        self.age_scores = nn.Parameter(torch.zeros(AGES + 1, heads))

    def forward(
        self, features: Tensor, ages: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return features [1, C, h, w] and the frame's rows of keys and values [heads, P, d].

        features  [1, C, h, w] of the newest frame
        ages      int64 [ROWS], from `row_ages`
        keys, values  [heads, P, ROWS, d], P = h·w
        """
        query, key, value = (
            part.reshape(self.heads, self.depth, -1).transpose(1, 2)  # [heads, P, d]
            for part in self.to_qkv(features).chunk(3, dim=1)
        )
        known = (ages[:, None].clamp_max(AGES) == torch.arange(AGES + 1, device=ages.device)).to(
            query.dtype
        )
        placed = (known @ self.age_scores).float()
        placed = placed + torch.where(ages == NO_FRAME, -1e4, 0.0)[:, None]
        stored = torch.matmul(keys, query[..., None]).squeeze(-1).float()
        stored = stored * self.depth**-0.5 + placed.T[:, None]
        newest = (query * key).sum(-1, keepdim=True).float() * self.depth**-0.5
        newest = newest + self.age_scores[0][:, None, None].float()
        shares = torch.softmax(torch.cat((stored, newest), dim=-1), dim=-1).to(query.dtype)
        mixed = torch.matmul(shares[:, :, None, :ROWS], values).squeeze(2)
        mixed = mixed + shares[..., ROWS:] * value
        joined = mixed.transpose(1, 2).reshape(features.shape)
        return features + self.to_out(joined), key, value

    def clips(self, features: Tensor, length: int, visible: Tensor) -> Tensor:
        """Return features [N·T, C, h, w] of whole clips: what folding `forward` over them gives.

        length   frames of each clip, T
        visible  bool [N]: False where frames shall not see those before them
        """
        clips = features.shape[0] // length
        query, key, value = (
            part.reshape(clips, length, self.heads, self.depth, -1).permute(0, 2, 4, 1, 3)
            for part in self.to_qkv(features).chunk(3, dim=1)
        )  # [N, heads, P, T, d]
        moment = torch.arange(length, device=features.device)
        age = moment[:, None] - moment
        hidden = (age < 0) | (~visible[:, None, None] & (age > 0))  # [N, T, T]
        placed = self.age_scores[age.clamp(0, AGES)].permute(2, 0, 1)  # [heads, T, T]
        bias = placed[None] + torch.where(hidden, -1e4, 0.0)[:, None]
        scores = torch.matmul(query, key.transpose(3, 4)) * self.depth**-0.5 + bias[:, :, None]
        mixed = torch.matmul(torch.softmax(scores, dim=-1), value)
        joined = mixed.permute(0, 3, 1, 4, 2).reshape(features.shape)
        attended: Tensor = features + self.to_out(joined)
        return attended
