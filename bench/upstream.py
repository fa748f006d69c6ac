"""The streaming mode of Video-Depth-Anything as upstream runs it: the baseline, and a reference.

Every frame concatenates the cached states of 31 frames with its own, adds positions to all 32, and
projects all 32 to keys and values again. Written to be read; ours is in engine/depth/vda.
Source: depth.md §4 of the design; video_depth_stream.py and motion_module.py at commit 4f5ae23.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from stereocast.engine.depth.vda.architecture import SUBLAYERS, TEMPORAL_HEADS
from stereocast.engine.depth.vda.attention import TemporalAttention
from stereocast.engine.depth.vda.network import VideoDepth
from stereocast.engine.depth.vda.preprocess import normalise, to_input

_KEPT = 42  # states: that of frame 0 and those of the last 41 frames
_FUSED = (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH)
_RECENT = 29  # of them fill slots 2…30


class UpstreamStream:
    """One stream with the unfolded `network`, for inputs of `grid` = (h, w) pixels.

    fused  False: softmax of explicit products, as upstream where xformers is not installed, so on
           every CPU; True: PyTorch's fused attention, which upstream does not use
    """

    def __init__(self, network: VideoDepth, grid: tuple[int, int], *, fused: bool = False) -> None:
        self._backends = list(_FUSED) if fused else [SDPBackend.MATH]
        self._network, self._grid = network, grid
        self._layers = network.head.temporal_attentions()
        self._kept: list[list[Tensor]] = []

    @torch.no_grad()
    def step(self, rgb: Tensor) -> Tensor:
        """Return depth [h, w] of the next frame u8 [3, H, W]."""
        image = normalise(to_input(rgb[None], self._grid, dtype=self._network.dtype))
        kept = self._kept
        past = [kept[0], kept[1], *kept[-_RECENT:]] if kept else []
        state: list[Tensor] = [torch.empty(0)] * SUBLAYERS

        def attend(number: int, hidden: Tensor) -> Tensor:
            state[number] = hidden
            window = torch.cat([*(entry[number] for entry in past), hidden])
            return _attend_newest(self._layers[number], window)

        with sdpa_kernel(self._backends):
            taps = self._network.pretrained(image)
            depth: Tensor = self._network.head(taps, self._grid, attend)
        if kept:
            kept.append(state)
            del kept[1]
        else:
            kept += [state] * _KEPT
        return depth[0]


def _attend_newest(layer: TemporalAttention, window: Tensor) -> Tensor:
    """Return the output [1, positions, C] for the last frame of a window [T, positions, C]."""
    placed = window + layer.pos_encoder.pe[0, : len(window), None]
    query, key, value = (
        project.unflatten(-1, (TEMPORAL_HEADS, -1)).permute(1, 2, 0, 3)
        for project in (layer.to_q(placed[-1:]), layer.to_k(placed), layer.to_v(placed))
    )
    mixed = scaled_dot_product_attention(query, key, value, scale=layer.scale)
    result: Tensor = layer.output(mixed.permute(2, 0, 1, 3).flatten(2))
    return result
