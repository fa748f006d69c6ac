"""What a stream remembers of past frames, and the attention of the newest frame to it.

Each of the eight attention sublayers keeps a ring of 42 rows and one row of frame 0 (the "sink"): a
row is what one frame left there. Two kinds of row, equal in real arithmetic:

    kv   keys and values; fewest multiplications, the choice on a CPU
    u    the normed hidden state they are made of, with the keys' and values' weights absorbed into
         query and output; half the memory and half the traffic, the choice on a GPU

A frame's slot in the window, and with it its position encoding, changes every step, so positions
stay out of the rows. Projections are linear without bias, so what positions add to the scores and
to the output are constants per slot: two tables, `key_places` and `value_places`.

A ring has the places of the picture first and the rows last but one, so that scores and mixtures
are plain batched products: on one CPU core a frame's reads take 7 ms at 140×252, against 16 ms with
the rows first.
Source: depth.md §11 of the design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from stereocast.engine.depth.vda.architecture import TEMPORAL_HEADS, WINDOW
from stereocast.engine.depth.vda.attention import TemporalAttention

CacheKind = Literal["kv", "u"]

RING = 42
"""Frames kept: the oldest one that is attended to is 41 behind. One more than are ever read, so
that the newest frame's row is written where nobody reads in the same step."""

SINK = RING  # the row of frame 0
ROWS = RING + 1  # what is stored
NEWEST = ROWS  # how a window names the frame of this step, which is not stored yet
EMPTY = -1  # how a window names a slot without a frame

_SECOND_SLOT_AGE = 41  # frames; mirrors the key frames of the official windows


def window_rows(index: Tensor) -> Tensor:
    """Return which row each slot of the window shows to frame `index`: int64 [32].

    index  int64 [1], frames since the stream began

    Slot 0 is frame 0, slot 1 the frame 41 ago, slots 2…30 the last 29 frames, slot 31 the newest.
    Frames before the first are frame 0 again. Frame 0 itself is alone, in slot 0.
    """
    slot = torch.arange(WINDOW, device=index.device)
    age = torch.where(slot == 1, _SECOND_SLOT_AGE, WINDOW - 1 - slot)
    frame = torch.where(slot == 0, 0, (index - age).clamp_min(0))
    row = torch.where(frame == 0, SINK, frame % RING)
    later = torch.where(slot == WINDOW - 1, NEWEST, row)
    first = torch.where(slot == 0, NEWEST, EMPTY)
    return torch.where(index == 0, first, later)


@dataclass(frozen=True)
class Window:
    """Which stored row is in which slot, as matrices; from `window_rows`.

    assignment  [32, 44], 1 where the slot shows the row; the last column is the newest frame
    hidden      [32], -inf for slots without a frame, else 0
    newest      [32], 1 at the slot of the newest frame
    """

    assignment: Tensor
    hidden: Tensor
    newest: Tensor

    @classmethod
    def of(cls, slot_rows: Tensor, dtype: torch.dtype) -> Window:
        """Build the matrices from int64 [32]."""
        rows = torch.arange(ROWS + 1, device=slot_rows.device)
        assignment = (slot_rows[:, None] == rows).to(dtype)
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        hidden = torch.zeros(WINDOW, dtype=wide, device=slot_rows.device)
        return cls(
            assignment=assignment,
            hidden=hidden.masked_fill(slot_rows == EMPTY, -torch.inf),
            newest=assignment[:, NEWEST],
        )


def _constant(tensor: Tensor, like: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.to(like.dtype).contiguous(), requires_grad=False)


def _by_head(matrix: Tensor) -> Tensor:
    """Split the rows of a weight [C, C] among the heads: [8, C/8, C]."""
    return matrix.view(TEMPORAL_HEADS, -1, matrix.shape[1])


class KeyValueRows(nn.Module):
    """A row is a key and a value: rings [positions, 8, 43, C/8], rows [positions, 8, C/8]."""

    names = ("keys", "values")

    def __init__(self, attention: TemporalAttention) -> None:
        super().__init__()
        self.to_k, self.to_v = attention.to_k, attention.to_v

    @staticmethod
    def ring_shape(positions: int, dim: int) -> tuple[int, ...]:
        """Return the shape of one ring."""
        return (positions, TEMPORAL_HEADS, ROWS, dim // TEMPORAL_HEADS)

    def rows(self, hidden: Tensor) -> list[Tensor]:
        """Return what the newest frame leaves, from hidden [positions, C]."""
        heads = (len(hidden), TEMPORAL_HEADS, -1)
        return [self.to_k(hidden).view(heads), self.to_v(hidden).view(heads)]

    def scores(self, query: Tensor, rings: Sequence[Tensor], rows: Sequence[Tensor]) -> Tensor:
        """Return query [positions, C] times every row, without positions: [positions, 8, 44]."""
        query = query.view(rows[0].shape)
        stored = torch.matmul(rings[0].to(query.dtype), query[..., None]).squeeze(-1)
        newest = (query * rows[0]).sum(-1, keepdim=True)
        return torch.cat((stored, newest), dim=-1)

    def mix(self, shares: Tensor, rings: Sequence[Tensor], rows: Sequence[Tensor]) -> Tensor:
        """Return the rows' values mixed by shares [positions, 8, 44]: [positions, C]."""
        stored = torch.matmul(shares[:, :, None, :ROWS], rings[1].to(shares.dtype)).squeeze(2)
        return (stored + shares[..., ROWS:] * rows[1]).flatten(1)


class HiddenRows(nn.Module):
    """A row is the hidden state: rings [positions, 43, C], rows [positions, C]."""

    names = ("hidden",)

    def __init__(self, attention: TemporalAttention) -> None:
        super().__init__()
        key, value = attention.to_k.weight, attention.to_v.weight
        self.absorbed_key = _constant(_by_head(key), key)  # [8, C/8, C]
        self.absorbed_value = _constant(_by_head(value).transpose(1, 2), value)  # [8, C, C/8]

    @staticmethod
    def ring_shape(positions: int, dim: int) -> tuple[int, ...]:
        """Return the shape of one ring."""
        return (positions, ROWS, dim)

    def rows(self, hidden: Tensor) -> list[Tensor]:
        """Return what the newest frame leaves, from hidden [positions, C]."""
        return [hidden]

    def scores(self, query: Tensor, rings: Sequence[Tensor], rows: Sequence[Tensor]) -> Tensor:
        """Return query [positions, C] times every row's key: [positions, 8, 44]."""
        by_head = query.view(len(query), TEMPORAL_HEADS, -1).transpose(0, 1)
        asked = torch.matmul(by_head, self.absorbed_key).transpose(0, 1)
        stored = torch.matmul(asked, rings[0].to(query.dtype).transpose(1, 2))
        newest = torch.matmul(asked, rows[0][..., None])
        return torch.cat((stored, newest), dim=-1)

    def mix(self, shares: Tensor, rings: Sequence[Tensor], rows: Sequence[Tensor]) -> Tensor:
        """Return the rows' values mixed by shares [positions, 8, 44]: [positions, C]."""
        stored = torch.matmul(shares[..., :ROWS], rings[0].to(shares.dtype))
        mixed = stored + shares[..., ROWS:] * rows[0][:, None]
        by_head = torch.matmul(mixed.transpose(0, 1), self.absorbed_value)
        return by_head.transpose(0, 1).flatten(1)


_KINDS: dict[CacheKind, type[KeyValueRows] | type[HiddenRows]] = {
    "kv": KeyValueRows,
    "u": HiddenRows,
}
CACHE_KINDS = tuple(_KINDS)


class CachedAttention(nn.Module):
    """One attention sublayer for the newest frame alone, over what is stored of the others.

    Built from a sublayer whose queries are scaled already (`folding.fold`).
    """

    def __init__(self, attention: TemporalAttention, kind: CacheKind) -> None:
        super().__init__()
        self.store = _KINDS[kind](attention)
        self.to_q = attention.to_q
        self.to_out = attention.output
        places = attention.pos_encoder.pe[0].double()  # [32, C]
        query, key, value = (
            layer.weight.double() for layer in (attention.to_q, attention.to_k, attention.to_v)
        )
        out, like = self.to_out.weight, attention.to_q.weight
        self.query_places = _constant(places @ query.T, like)  # [32, C]
        keys, values = _slots_by_head(places @ key.T), _slots_by_head(places @ value.T)
        # Block-diagonal, so that every head sees its own channels only: [C, 8·32].
        heads = torch.eye(TEMPORAL_HEADS, dtype=keys.dtype, device=keys.device)
        blocks = torch.einsum("hsd,hg->hdgs", keys, heads).reshape(like.shape[0], -1)
        self.key_places = _constant(blocks, like)
        outputs = _by_head(out.double().T.contiguous())
        self.value_places = _constant((values @ outputs).flatten(0, 1), like)  # [8·32, C]

    def forward(
        self, hidden: Tensor, window: Window, rings: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the sublayer's output [positions, C] and the rows the frame leaves.

        hidden  [positions, C], the newest frame's normed hidden state
        rings   as `store.names`, shapes as `store.ring_shape`
        """
        query = self.to_q(hidden) + window.newest @ self.query_places
        rows = self.store.rows(hidden)
        stored = self.store.scores(query, rings, rows)
        placed = torch.matmul(query, self.key_places).view(len(hidden), TEMPORAL_HEADS, WINDOW)
        scores = torch.matmul(stored, window.assignment.T) + placed
        shares = torch.softmax(scores + window.hidden, dim=-1).to(query.dtype)
        mixed = self.store.mix(torch.matmul(shares, window.assignment), rings, rows)
        output = self.to_out(mixed) + torch.matmul(shares.flatten(1), self.value_places)
        return output, rows


def _slots_by_head(table: Tensor) -> Tensor:
    """Split the channels of [32, C] among the heads: [8, 32, C/8]."""
    return table.view(WINDOW, TEMPORAL_HEADS, -1).transpose(0, 1)
