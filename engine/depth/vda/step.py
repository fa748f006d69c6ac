"""One streamed frame as a pure function of named tensors: what a runner executes or is exported.

    image, slot_rows, rings  ->  depth, rows

Shapes are static and nothing is remembered here: whoever runs it writes the rows into the rings.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stereocast.engine.depth.vda.architecture import SUBLAYERS, WINDOW
from stereocast.engine.depth.vda.attention import FrameNorm
from stereocast.engine.depth.vda.cache import CACHE_KINDS, CachedAttention, CacheKind, Window
from stereocast.engine.depth.vda.encoder import Norm
from stereocast.engine.depth.vda.folding import fold
from stereocast.engine.depth.vda.head import LastConvolutions
from stereocast.engine.depth.vda.network import VideoDepth
from stereocast.engine.errors import ConfigError
from stereocast.engine.runner import TensorSpec

IMAGE, SLOT_ROWS, DEPTH = "image", "slot_rows", "depth"
_ROW = "_row"


def row_name(ring: str) -> str:
    """Return the name of the output that holds the newest frame's row of `ring`."""
    return ring + _ROW


class StreamingStep(nn.Module):
    """The folded network for one frame, with cached attention in time.

    network  unfolded; its weights are shared where folding leaves them as they are
    grid     (h, w) pixels of the input, multiples of 14
    cache    which rows are stored, see `cache`
    storage  dtype of rings and rows; float16 costs about 1e-4 of mean depth, bfloat16 eight times
             that, so it is refused

    Inputs, in order: image [1, 3, h, w] in [0, 1]; slot_rows int64 [32], from `cache.window_rows`;
    the rings. Outputs: depth [h, w]; one row per ring, named `row_name(ring)`.
    Raises ConfigError for settings that do not fit.
    """

    def __init__(
        self, network: VideoDepth, grid: tuple[int, int], *, cache: CacheKind = "kv",
        storage: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        super().__init__()
        if cache not in CACHE_KINDS:
            raise ConfigError(f"cache: '{cache}' is not one of {', '.join(CACHE_KINDS)}")
        if storage not in (torch.float16, torch.float32, torch.float64):
            raise ConfigError(f"storage: {storage} is not float16, float32 or float64")
        folded = fold(network, grid)
        self.grid = grid
        self.cache = cache
        self.storage = storage
        self.architecture = folded.architecture
        self.encoder, self.head = folded.pretrained, folded.head
        attentions = folded.head.temporal_attentions()
        self.sublayers = nn.ModuleList(CachedAttention(layer, cache) for layer in attentions)
        self.eval().requires_grad_(False)

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the image and of most of the arithmetic."""
        return self.encoder.patch_embed.proj.weight.dtype

    def ring_specs(self) -> tuple[TensorSpec, ...]:
        """Return name, shape and dtype of every ring, in the order of the sublayers."""
        positions = self.architecture.temporal_positions(self.grid)
        specs = []
        for number, sublayer in enumerate(self._cached()):
            module = number // 2
            dim = self.architecture.temporal_dims[module]
            shape = sublayer.store.ring_shape(positions[module], dim)
            for name in sublayer.store.names:
                specs.append(TensorSpec(f"{name}_{number}", shape, self.storage))
        return tuple(specs)

    def input_specs(self) -> tuple[TensorSpec, ...]:
        """Return the inputs in the order in which `forward` takes them."""
        image = TensorSpec(IMAGE, (1, 3, *self.grid), self.dtype)
        return (image, TensorSpec(SLOT_ROWS, (WINDOW,), torch.int64), *self.ring_specs())

    def output_specs(self) -> tuple[TensorSpec, ...]:
        """Return the outputs in the order in which `forward` gives them."""
        rows = (
            TensorSpec(row_name(ring.name), (*ring.shape[:-2], ring.shape[-1]), ring.dtype)
            for ring in self.ring_specs()
        )
        return (TensorSpec(DEPTH, self.grid, self.head.scratch.output_conv2.dtype), *rows)

    def forward(self, image: Tensor, slot_rows: Tensor, *rings: Tensor) -> tuple[Tensor, ...]:
        """Return depth and the rows, see the class."""
        window = Window.of(slot_rows, self.dtype)
        each = len(rings) // SUBLAYERS
        layers = self._cached()
        rows: dict[int, list[Tensor]] = {}

        def attend(number: int, hidden: Tensor) -> Tensor:
            own = rings[each * number : each * (number + 1)]
            result: tuple[Tensor, list[Tensor]] = layers[number](hidden.squeeze(0), window, own)
            output, left = result
            rows[number] = [self._stored(row) for row in left]
            return output.unsqueeze(0)

        depth: Tensor = self.head(self.encoder(image), self.grid, attend)
        return depth[0], *(row for number in range(SUBLAYERS) for row in rows[number])

    def _cached(self) -> list[CachedAttention]:
        return [layer for layer in self.sublayers if isinstance(layer, CachedAttention)]

    def _stored(self, row: Tensor) -> Tensor:
        """Convert a row for storage; half precision saturates: an infinity would never leave."""
        if self.storage == torch.float16 and row.dtype != torch.float16:
            largest = torch.finfo(torch.float16).max
            row = row.clamp(-largest, largest)
        return row.to(self.storage)


def halve(step: StreamingStep) -> StreamingStep:
    """Convert a step to float16 in place, except norms, softmax and the last convolutions.

    Those compute in float32, as upstream does under autocast, and depth stays float32.
    """
    for module in step.modules():
        if isinstance(module, (Norm, FrameNorm)) or _is_last(step, module):
            continue
        for parameter in module.parameters(recurse=False):
            parameter.data = parameter.data.half()
    return step


def _is_last(step: StreamingStep, module: nn.Module) -> bool:
    last: LastConvolutions = step.head.scratch.output_conv2
    return any(module is layer for layer in last.modules())
