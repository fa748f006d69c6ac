"""Inputs for tests of the selective scan, and an independent recurrence in float64 numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stereocast.kernels.scan import TokenWeights

CORNERS = {
    "one token": (2, 5, 3, 1, 1),
    "odd sizes": (3, 7, 5, 11, 1),
    "257 tokens": (1, 3, 8, 257, 1),
    "4 groups of 7 states": (2, 12, 7, 9, 4),
    "one state": (2, 3, 1, 6, 3),
    "17 states": (1, 6, 17, 5, 2),
}
"""Batch, channels, states, length, groups."""


def golden_arrays(folder: Path, name: str) -> dict[str, Tensor]:
    with np.load(folder / "mamba" / f"{name}.npz") as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


def sequence(
    sizes: tuple[int, int, int, int, int], generator: torch.Generator, *, stiffness: float = 1.0
) -> dict[str, Tensor]:
    """Draw all arguments of a scan; `stiffness` scales how fast states decay."""
    batch, channels, size, length, groups = sizes

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    return {
        "u": draw(batch, channels, length),
        "delta": draw(batch, channels, length),
        "A": -stiffness * (0.1 + 2 * torch.rand(channels, size, generator=generator)),
        "B": draw(batch, groups, size, length),
        "C": draw(batch, groups, size, length),
        "D": draw(channels),
        "z": draw(batch, channels, length),
        "delta_bias": draw(channels),
    }


def recurrence(arguments: dict[str, Tensor], *, softplus: bool) -> tuple[Tensor, Tensor]:
    """Return y and the last state by loops over every index, in float64."""
    a = {name: tensor.double().numpy() for name, tensor in arguments.items()}
    batch, channels, length = a["u"].shape
    size, per_group = a["A"].shape[1], channels // a["B"].shape[1]
    y, state = np.zeros((batch, channels, length)), np.zeros((batch, channels, size))
    for b, d, t in np.ndindex(batch, channels, length):
        dt = a["delta"][b, d, t] + a["delta_bias"][d]
        dt = np.logaddexp(0, dt) if softplus else dt
        u, z, group = a["u"][b, d, t], a["z"][b, d, t], d // per_group
        state[b, d] *= np.exp(dt * a["A"][d])
        state[b, d] += dt * u * a["B"][b, group, :, t]
        y[b, d, t] = state[b, d] @ a["C"][b, group, :, t] + a["D"][d] * u
        y[b, d, t] *= z / (1 + np.exp(-z))
    return torch.from_numpy(y), torch.from_numpy(state)


def token(arguments: dict[str, Tensor], t: int) -> dict[str, Tensor]:
    """Return the arguments of a step at `t` from those of a sequence."""
    names = {"u": "x", "delta": "dt", "delta_bias": "dt_bias"}
    timed = {"u", "delta", "B", "C", "z"}
    return {
        names.get(name, name): tensor[..., t].contiguous() if name in timed else tensor
        for name, tensor in arguments.items()
    }


def worst(result: Tensor, expected: Tensor) -> float:
    """Return the largest error as a share of max(1, the largest value expected)."""
    scale = expected.abs().max().clamp_min(1).item()
    return (result.double() - expected.double()).abs().max().item() / scale


def block_weights(sizes: tuple[int, int, int, int], generator: torch.Generator) -> TokenWeights:
    """Draw an S6 block's weights for sizes of channels, states, convolution and rank."""
    channels, size, width, rank = sizes

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) / shape[-1] ** 0.5

    return TokenWeights(
        conv=draw(channels, width),
        conv_bias=draw(channels),
        x_proj=draw(rank + 2 * size, channels),
        dt_proj=draw(channels, rank),
        dt_bias=draw(channels),
        A=-0.1 - torch.rand(channels, size, generator=generator),
        D=draw(channels),
    )
