"""The weights of the built-in network: one file of half precision beside this module."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from stereocast.engine.depth.tiny.network import TinyDepth
from stereocast.engine.errors import WeightsError

BUILT_IN = Path(__file__).with_name("weights.safetensors")


def load_network(path: Path = BUILT_IN) -> TinyDepth:
    """Return the network with the weights of a file, in float32, for use.

    Raises WeightsError where the file cannot be read or does not fit.
    """
    try:
        table = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot read it: {error}; install stereocast again") from None
    network = TinyDepth()
    wanted = {name: value for name, value in network.state_dict().items() if value.ndim}
    for name, value in wanted.items():
        if name not in table or table[name].shape != value.shape:
            raise WeightsError(f"{path}: '{name}' is missing or is not {tuple(value.shape)}")
    network.load_state_dict({name: table[name].float() for name in wanted}, strict=False)
    return network.eval().requires_grad_(False)


def save_network(network: TinyDepth, path: Path) -> None:
    """Write the weights as float16; what was counted in training is left out."""
    table = {
        name: value.detach().to(torch.float16).contiguous()
        for name, value in network.state_dict().items()
        if value.ndim
    }
    save_file(table, path)
