"""The sequence form: windows of 32 frames that see each other in both directions, then stitched.

Better than streaming where latency does not matter. Upstream encodes all frames of every window;
ours keeps what the ten shared frames gave, so every frame is encoded once.
Source: depth.md §3 of the design.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

import torch
from torch import Tensor

from stereocast.engine.depth.vda import preprocess
from stereocast.engine.depth.vda.architecture import WINDOW
from stereocast.engine.depth.vda.folding import fold
from stereocast.engine.depth.vda.network import VideoDepth
from stereocast.engine.depth.vda.stitch import KEY_SLOTS, STRIDE, Stitcher

Taps = list[Tensor]
"""What the encoder says about one frame: four maps [1, P, D]."""


def infer_clip(
    network: VideoDepth, frames: Tensor, *, input_size: int = 518, metric: bool = False,
    alignment: torch.dtype = torch.float64,
) -> Tensor:  # fmt: skip
    """Return depth float32 [T, H, W] of a clip u8 [T, H, W, 3], of any length from 1.

    input_size  shorter side of the network's input, pixels
    metric      True: do not align scale and shift; implied by a metric network
    alignment   precision of the alignment's sums; float32 as upstream

    Raises ValueError for other shapes or dtypes.
    """
    if frames.dim() != 4 or frames.shape[3] != 3 or frames.dtype != torch.uint8:
        raise ValueError(f"frames must be u8 [T, H, W, 3], got {frames.dtype} {[*frames.shape]}")
    pictures = frames.permute(0, 3, 1, 2)
    maps = infer_frames(
        network, pictures, input_size=input_size, metric=metric, alignment=alignment
    )
    depth = torch.empty(frames.shape[:3], device=network.device)
    for index, depth_map in enumerate(maps):
        depth[index] = depth_map
    return depth


def infer_frames(
    network: VideoDepth, frames: Iterable[Tensor], *, input_size: int = 518, metric: bool = False,
    alignment: torch.dtype = torch.float64,
) -> Iterator[Tensor]:  # fmt: skip
    """Yield depth float32 [H, W] for every frame u8 [3, H, W], as `infer_clip`, in one pass.

    At most 32 frames are read ahead, and no more than a window's features are in memory.
    """
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        return
    frame_size = (first.shape[1], first.shape[2])
    grid = preprocess.network_size(frame_size, input_size)
    folded = fold(network, grid)
    stitcher = Stitcher(metric=metric or network.metric, dtype=alignment)
    given, read = 0, 0
    for window, read in _windows(folded, chain((first,), pictures), grid):
        depth = _window_depth(folded, window, grid)
        maps = stitcher.add(_At(depth, frame_size))
        for depth_map in islice(maps, read - given):
            given += 1
            yield depth_map
        del depth
    yield from islice(stitcher.finish(), read - given)


class _At:
    """One window's maps at the size of the frame, computed when asked for."""

    def __init__(self, depth: Tensor, frame_size: tuple[int, int]) -> None:
        self._depth, self._frame_size = depth, frame_size

    def __call__(self, slot: int) -> Tensor:
        depth = self._depth[slot : slot + 1].float()
        return preprocess.to_frame(depth, self._frame_size)[0]


def _windows(
    folded: VideoDepth, frames: Iterable[Tensor], grid: tuple[int, int]
) -> Iterator[tuple[list[Taps], int]]:
    """Yield windows of 32 encoded frames, and how many frames have been read so far.

    A window opens with the key frames of the one before; the last frame is repeated at the end.
    """
    encoded = _encode(folded, frames, grid)
    kept: list[Taps] = []
    start, read = 0, 0
    while True:
        fresh = list(islice(encoded, WINDOW - len(kept)))
        read += len(fresh)
        window = kept + fresh
        window += [window[-1]] * (WINDOW - len(window))
        yield window, read
        start += STRIDE
        if read <= start:
            return
        kept = [window[slot] for slot in KEY_SLOTS]


def _encode(folded: VideoDepth, frames: Iterable[Tensor], grid: tuple[int, int]) -> Iterator[Taps]:
    for frame in frames:
        with torch.no_grad():
            image = preprocess.to_input(frame[None], grid, dtype=folded.dtype)
            yield folded.pretrained(image)


@torch.no_grad()
def _window_depth(folded: VideoDepth, window: list[Taps], grid: tuple[int, int]) -> Tensor:
    """Return depth [32, h, w] of 32 encoded frames."""
    taps = [torch.cat(levels) for levels in zip(*window, strict=True)]
    depth: Tensor = folded.head(taps, grid)
    return depth
