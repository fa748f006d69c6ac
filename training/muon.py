"""Muon: an optimiser for the matrices of hidden layers.

The momentum of a weight, seen as a matrix outputs × inputs, is replaced by the nearest matrix whose
singular values are all about 1, so that rare directions are learned as fast as common ones.
Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the factor
that makes AdamW's rates fit: Liu et al., "Muon is scalable for LLM training", 2025.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Draws singular values from (0, 1] to about [0.7, 1.2] in five rounds."""
_ROUNDS = 5
_ADAM_SIZE = 0.2
"""Root mean square of what AdamW adds to a weight at a rate of 1."""


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum with decoupled decay, for weights of two or more dimensions.

    params    weights [outputs, …]
    lr        learning rate, as for AdamW
    momentum  decay of the mean of gradients, [0, 1), Nesterov's form
    decay     share of a weight, times `lr`, that is taken off in a step
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take one step along the gradients that are there."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["mean"] = torch.zeros_like(weight)
                mean = state["mean"].lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(mean, group["momentum"])
                matrix = orthogonalised(ahead.flatten(1))
                size = _ADAM_SIZE * max(matrix.shape) ** 0.5
                weight.mul_(1 - group["lr"] * group["decay"])
                weight.add_(matrix.view(weight.shape), alpha=-group["lr"] * size)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return [m, n] with the same singular vectors and singular values near 1: Newton-Schulz."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    a, b, c = _QUINTIC
    for _ in range(_ROUNDS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    found: Tensor = (x.T if tall else x).to(matrix.dtype)
    return found
