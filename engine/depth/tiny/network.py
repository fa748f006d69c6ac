"""The built-in depth network: a picture, how it moves, and a memory → relative inverse depth.

    1/2 ─ 1/4 ─ 1/8 ─ 1/16 ─ 1/32      encoder; motion joins at 1/4, attention over time at 1/16,
     │     │     │     │      │        attention over the whole picture at 1/32
    1/2 ← 1/4 ← 1/8 ← 1/16 ←──┘        decoder; the answer is made at 1/2 and drawn up to the grid

The last layer gives an answer and a gate per place: at 1 the place is taken from this frame alone,
at less it is drawn towards the answer before, so that what rests does not flicker.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, softplus

from stereocast.engine.depth.tiny.blocks import Conv, GlobalMixing, Residual, Rise
from stereocast.engine.depth.tiny.memory import NO_FRAME, Memory

LEVEL = 4.0
"""Depth of the median of a picture: the network answers `LEVEL` + (d − median d) / MAD d, > 0, for
true inverse depth d; MAD is the mean absolute deviation from the median."""
LEAST_GATE = 0.1
"""A gate is never shut: an error that nothing moves over must fade."""


@dataclass(frozen=True)
class Widths:
    """Channels of the encoder at 1/2 to 1/32, of the decoder at 1/16 to 1/2, and the heads."""

    encoder: tuple[int, int, int, int, int] = (16, 32, 64, 128, 192)
    decoder: tuple[int, int, int, int] = (96, 64, 32, 16)
    heads: int = 4
    motion: int = 13


class TinyDepth(nn.Module):
    """The network in the form that is trained; `step.TinyStep` is one frame of it."""

    def __init__(self, widths: Widths | None = None) -> None:
        super().__init__()
        widths = widths or Widths()
        half, quarter, eighth, sixteenth, coarse = widths.encoder
        self.widths = widths
        self.stem = Conv(3, half, stride=2)
        self.to_quarter = Conv(half, quarter, stride=2, linear=True)
        self.motion = Conv(widths.motion + 2, quarter, linear=True)
        self.at_quarter = Residual(quarter)
        self.at_eighth = nn.Sequential(Conv(quarter, eighth, stride=2), Residual(eighth))
        self.at_sixteenth = nn.Sequential(
            Conv(eighth, sixteenth, stride=2), Residual(sixteenth), Residual(sixteenth)
        )
        self.memory = Memory(sixteenth, widths.heads)
        self.at_coarse = nn.Sequential(
            Conv(sixteenth, coarse, stride=2),
            GlobalMixing(coarse, widths.heads),
            GlobalMixing(coarse, widths.heads),
        )
        first, second, third, last = widths.decoder
        self.rise_sixteenth = Rise(coarse, sixteenth, first)
        self.rise_eighth = Rise(first, eighth, second)
        self.rise_quarter = Rise(second, quarter, third)
        self.rise_half = Rise(third, half, last)
        self.answer = nn.Conv2d(last, 2, 3, padding=1)

    def forward(
        self, image: Tensor, motion: Tensor, ages: Tensor, keys: Tensor, values: Tensor,
        before: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
        """One frame. Return depth [h, w], its rows of keys and values, and its answer.

        image   [1, 3, h, w] in [0, 1]; motion [1, 13, ⌈h/4⌉, ⌈w/4⌉], from `motion`
        ages, keys, values  see `memory.Memory`
        before  [1, 1, ⌈h/2⌉, ⌈w/2⌉], the answer to the frame before
        """
        fine = self.encode(image, motion)
        fine[3], key, value = self.memory(fine[3], ages, keys, values)
        answer, gate = self.decode(fine)
        drawn = before + gate * (answer - before)
        answer = torch.where((ages == NO_FRAME).all(), answer, drawn)
        return depth_of(answer, image.shape[-2:])[0, 0], key, value, answer

    def clips(self, image: Tensor, motion: Tensor, length: int, visible: Tensor) -> Tensor:
        """Return depth [N·T, 1, ⌈h/2⌉, ⌈w/2⌉] of clips, what folding `forward` gives, at 1/2.

        image, motion  [N·T, …]; length T; visible bool [N], False: every frame is a first one
        """
        fine = self.encode(image, motion)
        fine[3] = self.memory.clips(fine[3], length, visible)
        answers, gates = self.decode(fine)
        shape = (-1, length, *answers.shape[1:])
        gates = torch.where(visible[:, None, None, None, None], gates.view(shape), 1.0)
        moments = list(answers.view(shape).unbind(1))
        for moment in range(1, length):
            before = moments[moment - 1]
            moments[moment] = before + gates[:, moment] * (moments[moment] - before)
        return softplus(torch.stack(moments, dim=1).flatten(0, 1))

    def encode(self, image: Tensor, motion: Tensor) -> list[Tensor]:
        """Return the features at 1/2, 1/4, 1/8 and 1/16."""
        half = self.stem(image)
        moved = self.motion(torch.cat((motion, places(motion)), dim=1))
        quarter = self.at_quarter(torch.relu(self.to_quarter(half) + moved))
        eighth = self.at_eighth(quarter)
        return [half, quarter, eighth, self.at_sixteenth(eighth)]

    def decode(self, fine: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return answer and gate, each [N, 1, ⌈h/2⌉, ⌈w/2⌉], float32."""
        half, quarter, eighth, sixteenth = fine
        features = self.rise_sixteenth(self.at_coarse(sixteenth), sixteenth)
        features = self.rise_eighth(features, eighth)
        features = self.rise_quarter(features, quarter)
        both = self.answer(self.rise_half(features, half)).float()
        return both[:, :1] + LEVEL, LEAST_GATE + (1 - LEAST_GATE) * torch.sigmoid(both[:, 1:])


def depth_of(answer: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Return relative inverse depth [N, 1, h, w] > 0 of answers at half that size."""
    return interpolate(softplus(answer), size=size, mode="bilinear", align_corners=False)


def places(like: Tensor) -> Tensor:
    """Return where each cell of [N, C, h, w] lies: [N, 2, h, w], x then y in [-1, 1]."""
    count, _, height, width = like.shape
    x = torch.linspace(-1, 1, width, dtype=like.dtype, device=like.device)
    y = torch.linspace(-1, 1, height, dtype=like.dtype, device=like.device)
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width)))[None].expand(
        count, -1, -1, -1
    )
