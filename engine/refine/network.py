"""The network that corrects the filter's gain, and what it is to the step.

features [B, 9, h/4, w/4] ─► encoder ─► core, one token per cell ─► decoder ─► ×4 ─┐
guide    [B, 4, h, w] ─────────────────────────────────────────────────────────────┴► head

The last layer begins at zero: an untrained network is the classical filter.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from stereocast.engine.refine.ssm import S6
from stereocast.engine.runner import Runner, TensorSpec
from stereocast.kernels.refine import CELL, FEATURES
from stereocast.kernels.scan import gathered

GUIDES = 4
"""Channels at full size: confidence, 10 innovation, 10 |innovation|, 10 picture error."""
FEATURES_INPUT, GUIDE_INPUT, CORRECTION = "features", "guide", "correction"
CONV, SSM = "conv", "ssm"
_NEXT = "_next"
_UPSAMPLED = 8


class TokenMlp(nn.Module):
    """The core `none`: as many parameters as `S6`, no memory."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens [n, width] each by itself."""
        return cast("Tensor", self.layers(tokens))


class RefineNetwork(nn.Module):
    """About 40 600 parameters at width 32 and 8 states; see the module for its shape."""

    def __init__(self, core: str = "mamba", *, width: int = 32, states: int = 8) -> None:
        """Draw fresh weights for the core `mamba` or `none`."""
        super().__init__()
        self.core_kind, self.width = core, width
        self.encoder = nn.Sequential(
            nn.Conv2d(FEATURES, width, 3, padding=1), nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=2, dilation=2), nn.SiLU(),
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)
        self.tokens: S6 | TokenMlp
        self.tokens = S6(width, d_state=states) if core == "mamba" else TokenMlp(width)
        self.decoder = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, _UPSAMPLED, 1)
        )
        joined = _UPSAMPLED + GUIDES
        last = nn.Conv2d(joined, 2, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast("Tensor", last.bias))
        self.head = nn.Sequential(nn.Conv2d(joined, joined, 3, padding=1), nn.SiLU(), last)

    def init(self, batch: int, grid: tuple[int, int]) -> tuple[Tensor, ...]:
        """Return what it remembers before the first frame: conv and ssm, or nothing."""
        if not isinstance(self.tokens, S6):
            return ()
        rows, columns = cells_of(grid)
        return self.tokens.init(batch * rows * columns)

    def forward(
        self, features: Tensor, guide: Tensor, *memory: Tensor, source: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the correction [B, 2, h, w] and the new memory, [B · cells, …] each.

        source  whose memory each cell continues, see `Corrector`; None: its own
        """
        encoded = self.encoder(features)
        batch, width, rows, columns = encoded.shape
        tokens = encoded.permute(0, 2, 3, 1).reshape(-1, width)
        if isinstance(self.tokens, S6):
            conv, ssm, answer = self.tokens.step(memory[0], memory[1], self.norm(tokens), source)
            memory = (conv, ssm)
        else:
            answer = self.tokens(self.norm(tokens))
        mixed = (tokens + answer).reshape(batch, rows, columns, width).permute(0, 3, 1, 2)
        decoded = interpolate(
            self.decoder(mixed), scale_factor=float(CELL), mode="bilinear", align_corners=False
        )
        decoded = decoded[:, :, : guide.shape[2], : guide.shape[3]]
        return (self.head(torch.cat((decoded, guide), 1)), *memory)

    def correct(
        self, memory: tuple[Tensor, ...], source: Tensor, features: Tensor, guide: Tensor
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Be a `Corrector`, with gradients, for training."""
        correction, *new = self(features, guide, *memory, source=source)
        return tuple(new), correction

    def undecayed(self) -> tuple[nn.Parameter, ...]:
        """Return the parameters that an optimiser must not pull towards zero."""
        return self.tokens.undecayed() if isinstance(self.tokens, S6) else ()


class RunnerCorrector:
    """A `Corrector` on a runner of a `RefineNetwork`, in whatever form that one executes it."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._memory = tuple(
            spec for spec in runner.inputs if spec.name not in (FEATURES_INPUT, GUIDE_INPUT)
        )

    def init(self, batch: int, grid: tuple[int, int]) -> tuple[Tensor, ...]:
        """Return what the network remembers before the first frame."""
        return tuple(torch.zeros(spec.shape, dtype=spec.dtype) for spec in self._memory)

    def correct(
        self, memory: tuple[Tensor, ...], source: Tensor, features: Tensor, guide: Tensor
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Run the network; the results lie in buffers that the next call overwrites."""
        memory = tuple(gathered(part, source) for part in memory)
        named = {spec.name: part for spec, part in zip(self._memory, memory, strict=True)}
        results = self._runner.run(named | {FEATURES_INPUT: features, GUIDE_INPUT: guide})
        return tuple(results[spec.name + _NEXT] for spec in self._memory), results[CORRECTION]


def cells_of(grid: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of the cells over a grid."""
    return -(-grid[0] // CELL), -(-grid[1] // CELL)


class RefineStep(nn.Module):
    """A network for one stream on one grid, as runners and exporters want it."""

    cache = "tokens"
    """What manifests call the memory."""

    def __init__(self, network: RefineNetwork, grid: tuple[int, int]) -> None:
        super().__init__()
        self.network, self.grid = network, grid

    def forward(self, features: Tensor, guide: Tensor, *memory: Tensor) -> tuple[Tensor, ...]:
        """Do what the network does."""
        return cast("tuple[Tensor, ...]", self.network(features, guide, *memory))

    def input_specs(self) -> tuple[TensorSpec, ...]:
        """Return what it takes."""
        rows, columns = cells_of(self.grid)
        memory = zip((CONV, SSM), self.network.init(1, self.grid), strict=False)
        return (
            TensorSpec(FEATURES_INPUT, (1, FEATURES, rows, columns)),
            TensorSpec(GUIDE_INPUT, (1, GUIDES, *self.grid)),
            *(TensorSpec(name, tuple(state.shape), state.dtype) for name, state in memory),
        )

    def output_specs(self) -> tuple[TensorSpec, ...]:
        """Return what it gives."""
        memory = self.input_specs()[2:]
        return (
            TensorSpec(CORRECTION, (1, 2, *self.grid)),
            *(TensorSpec(spec.name + _NEXT, spec.shape, spec.dtype) for spec in memory),
        )
