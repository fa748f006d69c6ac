"""From a state dict with the official names to a network's parameters, strictly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from stereocast.engine.errors import WeightsError

UNUSED = ("pretrained.mask_token", "head.scratch.refinenet4.resConfUnit1.")
"""Beginnings of names that official checkpoints have and no depth ever depends on."""

_SHOWN = 4


def load(network: nn.Module, state_dict: Mapping[str, Tensor], *, name: str) -> None:
    """Give `network` the tensors of `state_dict`, without copying those that are float32 already.

    name  what the weights are called in an error

    The network's own names and shapes are the law; the unused tensors of the official layout are
    passed over. Half-precision tensors are widened to float32, float64 stays.
    Raises WeightsError that lists what is missing, unknown or of another shape.
    """
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: value for key, value in state_dict.items() if not key.startswith(UNUSED)}
    strange = [key for key, value in found.items() if not isinstance(value, Tensor)]
    complaints = [
        _listed("missing", expected.keys() - found.keys()),
        _listed("unknown", found.keys() - expected.keys()),
        _listed("no tensors", strange),
        _listed(
            "of another shape",
            (
                f"{key} (wants {list(shape)}, got {list(found[key].shape)})"
                for key, shape in expected.items()
                if key in found and key not in strange and tuple(found[key].shape) != shape
            ),
        ),
    ]
    if any(complaints):
        told = "; ".join(complaint for complaint in complaints if complaint)
        raise WeightsError(
            f"these are not the weights of {name}: {told}. Use a checkpoint of that encoder."
        )
    tensors = {key: _wide(value.detach()) for key, value in found.items()}
    network.load_state_dict(tensors, strict=True, assign=True)
    network.eval().requires_grad_(False)


def _wide(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.to(torch.float32)


def _listed(complaint: str, keys: Iterable[str]) -> str:
    """Return the complaint with the first keys it is about, or nothing."""
    found = sorted(keys)
    if not found:
        return ""
    rest = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{len(found)} {complaint}: {', '.join(found[:_SHOWN])}{rest}"
