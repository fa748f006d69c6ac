"""Constants moved into weights: the same depth up to rounding, with less work per frame.

position table      class token and positions, resampled to the one grid
mean and deviation  into the patch embedding, which has no padding: pictures are then in [0, 1]
layer scales        into the linear layer before each
attention scales    into the queries' weights, in the picture and in time
out_conv            before the upsampling it follows (`head.Fusion`)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from stereocast.engine.depth.vda.architecture import (
    MEAN,
    STD,
    TEMPORAL_HEADS,
    Architecture,
    token_grid,
)
from stereocast.engine.depth.vda.encoder import position_table
from stereocast.engine.depth.vda.network import VideoDepth, assemble
from stereocast.engine.errors import ConfigError

_SCALED = {"ls1": "attn.proj", "ls2": "mlp.fc2"}
"""Which linear layer each layer scale follows."""


def fold(network: VideoDepth, grid: tuple[int, int]) -> VideoDepth:
    """Return `network` specialised for inputs of `grid` = (h, w) pixels in [0, 1].

    What is not changed is shared with `network`, not copied. Raises ConfigError if the grid is no
    multiple of 14 or the network is folded already.
    """
    if network.grid is not None:
        raise ConfigError(f"this network is folded already, for {network.grid}")
    if min(grid) < 1 or any(side % 14 for side in grid):
        raise ConfigError(f"the network grid must be multiples of 14 pixels, got {grid}")
    state = fold_state(network.state_dict(), network.architecture, grid)
    return assemble(network.architecture, state, metric=network.metric, grid=grid)


def fold_state(
    state: Mapping[str, Tensor], architecture: Architecture, grid: tuple[int, int]
) -> dict[str, Tensor]:
    """Return the folded form of a state dict with the official names. Products are in float64."""
    folded = dict(state)
    cls_token, pos_embed = folded.pop("pretrained.cls_token"), folded.pop("pretrained.pos_embed")
    folded["pretrained.positions"] = position_table(cls_token, pos_embed, token_grid(grid))
    _fold_normalisation(folded)
    head_dim = architecture.dim // architecture.heads
    for number in range(architecture.depth):
        block = f"pretrained.blocks.{number}"
        for scale, linear in _SCALED.items():
            gamma = folded.pop(f"{block}.{scale}.gamma")
            _multiply(folded, f"{block}.{linear}.weight", gamma[:, None])
            _multiply(folded, f"{block}.{linear}.bias", gamma)
        factor = torch.ones_like(folded[f"{block}.attn.qkv.bias"])
        factor[: architecture.dim] = head_dim**-0.5
        _multiply(folded, f"{block}.attn.qkv.weight", factor[:, None])
        _multiply(folded, f"{block}.attn.qkv.bias", factor)
    for key in [key for key in folded if key.endswith(".to_q.weight")]:
        dim = folded[key].shape[0]
        factor = torch.full((1,), (dim // TEMPORAL_HEADS) ** -0.5, dtype=torch.float64)
        _multiply(folded, key, factor.to(folded[key].device))
    return folded


def _fold_normalisation(folded: dict[str, Tensor]) -> None:
    weight_name, bias_name = (f"pretrained.patch_embed.proj.{part}" for part in ("weight", "bias"))
    weight, bias = folded[weight_name], folded[bias_name]
    mean, std = (
        torch.tensor(values, dtype=torch.float64, device=weight.device).view(1, 3, 1, 1)
        for values in (MEAN, STD)
    )
    scaled = weight.double() / std
    folded[weight_name] = scaled.to(weight.dtype)
    folded[bias_name] = (bias.double() - (scaled * mean).sum((1, 2, 3))).to(bias.dtype)


def _multiply(folded: dict[str, Tensor], name: str, factor: Tensor) -> None:
    tensor = folded[name]
    folded[name] = (tensor.double() * factor.double()).to(tensor.dtype)
