"""Streaming depth: one frame in, one depth map out, with a memory of fixed size.

What is remembered when is decided here; what a remembered row is, in `cache`; the arithmetic of a
frame, in `step`. Upstream keeps a list of 42 entries and concatenates it for every frame; ours are
rings that are written in place. Outputs equal, see tests/engine/vda.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from stereocast.engine.depth.vda import preprocess
from stereocast.engine.depth.vda.cache import RING, SINK, CacheKind, window_rows
from stereocast.engine.depth.vda.network import VideoDepth
from stereocast.engine.depth.vda.step import DEPTH, IMAGE, SLOT_ROWS, StreamingStep, row_name
from stereocast.engine.errors import ConfigError
from stereocast.engine.runner import Runner, TorchRunner

SinkPolicy = Literal["official", "visible"]

_BLANK_DISTANCE = 0.06  # of luma in [0, 1]: nearer to the commonest luma counts as background
_BLANK_SHARE = 0.8  # of the picture that is background in a black, plain or title frame
_DUE = 0.9  # of the period: jitter of a clock must not halve the rate
_LUMA = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class MemoryPolicy:
    """What a stream remembers. The default is what upstream does."""

    sink: SinkPolicy = "official"
    """`visible`: a stream that began with a black, plain or title frame begins again, in place, at
    the first frame that is none; `official`: the first frame stays in every window for ever."""
    max_rate_hz: float | None = None
    """Frames that come faster see the memory but do not enter it, so that its 32 frames span about
    as much time as those the network was trained on. None: every frame enters."""

    def __post_init__(self) -> None:
        if self.sink not in ("official", "visible"):
            raise ConfigError(f"depth.sink: '{self.sink}' is not one of official, visible")
        if self.max_rate_hz is not None and not self.max_rate_hz > 0:
            raise ConfigError(f"depth.max_rate_hz must be > 0, got {self.max_rate_hz}")


@dataclass(frozen=True)
class DepthState:
    """The memory of a stream.

    index      int64 [1], frames remembered since the stream began
    is_blank   bool [1], True while the stream has shown blank frames only; policy `visible`
    elapsed_s  float32 [1], seconds since the last remembered frame; policy `max_rate_hz`
    rings      the rows of past frames, see `cache`; updated in place
    """

    index: Tensor
    is_blank: Tensor
    elapsed_s: Tensor
    rings: tuple[Tensor, ...]


class DepthStage:
    """Estimate depth frame by frame, as upstream's streaming mode does."""

    def __init__(
        self, network: VideoDepth, *, frame_size: tuple[int, int], input_size: int = 518,
        cache: CacheKind = "kv", storage: torch.dtype = torch.float32,
        grid: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        """Build the stage for frames of `frame_size` = (H, W).

        input_size  shorter side of the network's input, pixels, see `preprocess.network_size`
        cache       kind of row, see `cache`
        storage     float32 or float16, of the rows
        grid        (h, w) of the network's input, instead of the rule with `input_size`
        """
        grid = grid or preprocess.network_size(frame_size, input_size)
        step = StreamingStep(network, grid, cache=cache, storage=storage)
        runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
        self._connect(runner, frame_size, MemoryPolicy(), network.device)

    @classmethod
    def on(
        cls, runner: Runner, *, frame_size: tuple[int, int], memory: MemoryPolicy | None = None,
        device: torch.device | None = None,
    ) -> DepthStage:  # fmt: skip
        """Build the stage on a runner of a `StreamingStep`, in whatever form that one executes it.

        device  where the memory lives; None: the CPU
        """
        stage = cls.__new__(cls)
        stage._connect(runner, frame_size, memory or MemoryPolicy(), device or torch.device("cpu"))
        return stage

    def _connect(
        self, runner: Runner, frame_size: tuple[int, int], memory: MemoryPolicy,
        device: torch.device,
    ) -> None:  # fmt: skip
        specs = {spec.name: spec for spec in runner.inputs}
        self._image = specs.pop(IMAGE)
        specs.pop(SLOT_ROWS)
        self._rings = tuple(specs.values())
        self._runner = runner
        self._memory = memory
        self._device = device
        self.frame_size = frame_size
        self.grid = (self._image.shape[2], self._image.shape[3])

    def init(self) -> DepthState:
        """Return the state before the first frame."""
        device = self._device
        return DepthState(
            index=torch.zeros(1, dtype=torch.int64, device=device),
            is_blank=torch.zeros(1, dtype=torch.bool, device=device),
            elapsed_s=torch.zeros(1, device=device),
            rings=tuple(torch.zeros(s.shape, dtype=s.dtype, device=device) for s in self._rings),
        )

    def reset(self, state: DepthState) -> DepthState:
        """Forget every frame, in place and at no cost: no row is read before it is written anew."""
        state.index.zero_()
        return state

    @torch.no_grad()
    def step(
        self, state: DepthState, rgb: Tensor, dt_s: Tensor | None = None
    ) -> tuple[DepthState, Tensor]:
        """Return the new state and depth float32 [h, w] on the network grid.

        rgb   u8 [3, H, W]
        dt_s  float32 [1], seconds since the frame before; only for a policy with `max_rate_hz`

        Relative networks give inverse depth, larger is nearer; metric ones metres.
        Raises ValueError for another frame size, or if the policy needs `dt_s`.
        """
        if tuple(rgb.shape) != (3, *self.frame_size) or rgb.dtype != torch.uint8:
            raise ValueError(
                f"this depth stage is for frames u8 {(3, *self.frame_size)}, "
                f"got {rgb.dtype} {tuple(rgb.shape)}"
            )
        image = preprocess.to_input(rgb[None], self.grid, dtype=self._image.dtype)
        index, is_blank = self._begin(state, image)
        inputs = {IMAGE: image, SLOT_ROWS: window_rows(index)}
        names = [spec.name for spec in self._rings]
        results = self._runner.run(inputs | dict(zip(names, state.rings, strict=True)))
        place = index % RING
        places = torch.cat((place, torch.where(index == 0, SINK, place)))
        for name, ring in zip(names, state.rings, strict=True):
            row = results[row_name(name)].unsqueeze(-2)
            ring.index_copy_(-2, places, row.expand(*row.shape[:-2], 2, row.shape[-1]))
        index, elapsed_s = self._advance(index, state.elapsed_s, dt_s)
        return DepthState(index, is_blank, elapsed_s, state.rings), results[DEPTH].clone()

    def to_frame(self, depth: Tensor) -> Tensor:
        """Resample depth [h, w] to the frame, [H, W], as upstream does."""
        return preprocess.to_frame(depth[None], self.frame_size)[0]

    def _begin(self, state: DepthState, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the frame's index, 0 if the stream begins (again) with it, and `is_blank`."""
        if self._memory.sink == "official":
            return state.index, state.is_blank
        blank = is_blank(image)
        began_blank = state.is_blank & (state.index > 0)
        index = torch.where(began_blank & ~blank, 0, state.index)
        return index, torch.where(index == 0, blank, state.is_blank)

    def _advance(
        self, index: Tensor, elapsed_s: Tensor, dt_s: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the index of the next frame: the same one again if this frame came too early."""
        rate_hz = self._memory.max_rate_hz
        if rate_hz is None:
            return index + 1, elapsed_s
        if dt_s is None:
            raise ValueError("a depth stage with max_rate_hz needs dt_s for every frame")
        elapsed_s = elapsed_s + dt_s
        due = (elapsed_s >= _DUE / rate_hz) | (index == 0)
        return index + due, torch.where(due, 0.0, elapsed_s)


def is_blank(image: Tensor) -> Tensor:
    """Tell whether an image [1, 3, h, w] in [0, 1] shows nothing to remember: bool [1].

    It does not if most of it has nearly one luma: black, a plain colour, or a title on such a
    ground.
    """
    luma = sum(share * channel for share, channel in zip(_LUMA, image[0].float(), strict=True))
    assert isinstance(luma, Tensor)
    background = (luma - luma.median()).abs() < _BLANK_DISTANCE
    return (background.float().mean() >= _BLANK_SHARE).view(1)
