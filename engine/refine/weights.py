"""The weights of the refiner's networks: one file for each core, beside this module."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from stereocast.engine.errors import WeightsError
from stereocast.engine.refine.network import RefineNetwork


def built_in(core: str) -> Path:
    """Return where the weights for the core `mamba` or `none` lie."""
    return Path(__file__).with_name(f"{core}.safetensors")


def load_network(core: str, path: Path | None = None) -> RefineNetwork:
    """Return the network with the weights of a file, for use; None: the built-in ones.

    Raises WeightsError where the file cannot be read or does not fit.
    """
    path = path or built_in(core)
    try:
        table = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot read it: {error}; install stereocast again") from None
    network = RefineNetwork(core)
    for name, value in network.state_dict().items():
        if name not in table or table[name].shape != value.shape:
            raise WeightsError(f"{path}: '{name}' is missing or is not {tuple(value.shape)}")
    network.load_state_dict(table)
    return network.eval().requires_grad_(False)


def save_network(network: RefineNetwork, path: Path) -> None:
    """Write the weights as float32, which the scan's step sizes need."""
    table = {name: value.detach().contiguous() for name, value in network.state_dict().items()}
    save_file(table, path)
