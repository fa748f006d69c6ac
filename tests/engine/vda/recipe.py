"""Synthetic weights, recipe v1: every tensor from a generator seeded with its own name.

The reference vectors were made with them by the official program; the recipe is in the README of
those vectors. Nothing outside is needed: names and shapes come from our own network.
"""

from __future__ import annotations

import math
import zlib
from functools import cache

import numpy as np
import torch
from torch import Tensor

from stereocast.engine.depth.vda.architecture import ARCHITECTURES, WINDOW, Architecture
from stereocast.engine.depth.vda.network import VideoDepth, assemble

TINY = Architecture(
    dim=32,
    depth=4,
    heads=2,
    taps=(0, 1, 2, 3),
    features=64,
    out_channels=(8, 16, 64, 128),
    position_side=5,
)
"""A network that runs in milliseconds and has every part of the large ones.

Two channels per normalised group, at least: over fewer values a norm amplifies rounding.
"""


def sinusoids(dim: int) -> np.ndarray:
    """The position table of a window, [1, 32, dim]."""
    frequency = np.exp(-np.arange(0, dim, 2) * math.log(10000.0) / dim)
    angle = np.arange(WINDOW)[:, None] * frequency
    table = np.empty((1, WINDOW, dim))
    table[0, :, 0::2], table[0, :, 1::2] = np.sin(angle), np.cos(angle)
    return table


def tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    """One float32 tensor by the recipe."""
    if name.endswith("pos_encoder.pe"):
        return torch.from_numpy(sinusoids(shape[-1])).float()
    values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    return torch.from_numpy(_scaled(name, values)).float()


def _scaled(name: str, values: np.ndarray) -> np.ndarray:
    if name in ("pretrained.pos_embed", "pretrained.cls_token"):
        return 0.2 * values
    if name == "pretrained.mask_token":
        return 0.02 * values
    if name.endswith(".gamma"):
        return 0.3 + 0.05 * values
    if name == "head.scratch.output_conv2.2.bias":
        return 1.0 + 0.02 * values
    if values.ndim == 1:
        return 0.05 * values if name.endswith(".bias") else 1.0 + 0.1 * values
    gain = 1.0
    if name.endswith(("to_q.weight", "to_k.weight")):
        gain = 1.5
    elif name == "head.scratch.output_conv2.2.weight":
        gain = 0.5
    transposed = name in ("head.resize_layers.0.weight", "head.resize_layers.1.weight")
    fan_in = values.shape[0] if transposed else math.prod(values.shape[1:])
    return values * gain / math.sqrt(fan_in)


def state_dict(architecture: Architecture) -> dict[str, Tensor]:
    """All weights of a network by the recipe."""
    with torch.device("meta"):
        layout = VideoDepth(architecture).state_dict()
    return {name: tensor(name, tuple(value.shape)) for name, value in layout.items()}


@cache
def network(name: str) -> VideoDepth:
    """A network by the recipe: vits, vitb, vitl, or the tiny one of these tests."""
    architecture = TINY if name == "tiny" else ARCHITECTURES[name]
    return assemble(architecture, state_dict(architecture))
