"""Every kernel of a stream with fresh random inputs: what is called, how many bytes it moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from stereocast.kernels import disparity, fill, flow, memory, pack, preprocess, warp
from stereocast.kernels.prime import prime_on, priming

Call = Callable[[], Sequence[Tensor]]
Prepare = Callable[[torch.device], Call]

_SEEN = 4
"""Frames until a surface at rest may be recalled."""


@dataclass(frozen=True)
class Case:
    """One operation on fixed inputs.

    prepare    brings the inputs to a device; what it returns calls the operation there, sends
               nothing to it, and returns what was written
    traffic    bytes that must cross the memory at least once
    tolerance, most_flips  see `agreement.compare`
    """

    name: str
    prepare: Prepare
    traffic: int
    tolerance: float = 0.0
    most_flips: float = 0.0


def cases(size: tuple[int, int], seed: int) -> Iterator[Case]:
    """Yield the cases for pictures of `size` = (H, W); every seed gives other inputs."""
    dice = torch.Generator().manual_seed(seed)
    height, width = size
    pixels = height * width
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=dice)
    other = image.roll((1, 3), (1, 2)).contiguous()
    px = _surfaces(size, dice)
    gains = torch.tensor([0.5, -0.5])
    yield Case("preprocess nv12", _nv12(size, dice), pixels * 9 // 2)
    yield _of("preprocess network", lambda x: (preprocess.to_network(x, size=(140, 252)),),
              (image,), 3 * pixels)  # fmt: skip
    yield _of("warp, both eyes", warp.warp_eyes, (image, px, gains), 2 * pixels * 15)
    yield _of("disparity softness", lambda d: (disparity.softness(d),), (px,), 4 * pixels)
    soft = torch.tensor([2.5])
    yield _of("disparity sharpen", lambda d, s, i: (disparity.sharpen(d, s, image=i),),
              (px, soft, image), 71 * pixels)  # fmt: skip
    holes = torch.rand(size, generator=dice) < 0.02
    holes[:, width // 3 : width // 3 + max(2, width // 40)] = True
    for level in (1, 2):
        yield _of(
            f"fill level {level}",
            lambda v, h, d, level=level: (fill.fill_holes(v, h, d, level=level),),
            (image, holes, px), pixels * (8, 25)[level - 1], tolerance=float(level - 1),
        )  # fmt: skip
    small, moved = (flow.shrink(each, max(1, width // 160)) for each in (image, other))
    yield _of("flow match", lambda a, b: (flow.block_matching(a, b),), (small, moved),
              12 * small.numel())  # fmt: skip
    yield Case("memory, 4 frames and a recall", _memory(image, px, holes), 90 * pixels)
    packing = pack.Packing(pixels=pack.Pixels.I420)
    yield _of("pack, both eyes", lambda a, b: (pack.pack_pictures((a, b), packing),),
              (image, other), 9 * pixels)  # fmt: skip
    yield Case("prime", _prime(size), 8 * pixels)


def _of(
    name: str, call: Callable[..., Sequence[Tensor]], inputs: tuple[Tensor, ...], traffic: int,
    *, tolerance: float = 0.0,
) -> Case:  # fmt: skip
    def prepare(device: torch.device) -> Call:
        there = [tensor.to(device) for tensor in inputs]
        return lambda: call(*there)

    return Case(name, prepare, traffic, tolerance)


def _surfaces(size: tuple[int, int], dice: torch.Generator) -> Tensor:
    """Return disparity of terraces, px: slopes, tears and holes."""
    coarse = torch.rand(1, 1, 9, 16, generator=dice) * 24 - 12
    smooth = torch.nn.functional.interpolate(coarse, size, mode="bilinear")[0, 0].contiguous()
    smooth[size[0] // 4 : size[0] * 2 // 3, size[1] // 4 : size[1] // 2] += 15
    return smooth


def _nv12(size: tuple[int, int], dice: torch.Generator) -> Prepare:
    height, width = size[0] // 2 * 2, size[1] // 2 * 2
    surface = torch.randint(0, 256, (height * 3 // 2, width), dtype=torch.uint8, generator=dice)

    def prepare(device: torch.device) -> Call:
        given, seen = surface.to(device), (height, width)
        return lambda: (preprocess.nv12_to_rgb(given, seen, matrix="bt709", full_range=False),)

    return prepare


def _memory(image: Tensor, px: Tensor, holes: Tensor) -> Prepare:
    size = (px.shape[0], px.shape[1])
    opened = px.masked_fill(holes, -torch.inf)

    def prepare(device: torch.device) -> Call:
        rest = memory.Motion(
            torch.zeros(2, dtype=torch.int32, device=device),
            torch.ones(1, dtype=torch.bool, device=device),
            torch.zeros(1, dtype=torch.int32, device=device),
        )
        picture, field, seen = image.to(device), px.to(device), opened.to(device)
        gain = torch.full((1,), -1.0, device=device)

        def call() -> Sequence[Tensor]:
            plate = memory.empty_plate(size, device)
            for _ in range(_SEEN):
                plate = memory.remember(plate, picture, field, rest)
            view, view_px = picture.clone(), seen.clone()
            memory.recall(plate, view, view_px, gain=gain)
            return (*(getattr(plate, each.name) for each in fields(plate)), view, view_px)

        return call

    return prepare


def _prime(size: tuple[int, int]) -> Prepare:
    def prepare(device: torch.device) -> Call:
        old, new = torch.zeros(size, device=device), torch.ones(size, device=device)
        flag, pairs = torch.ones(1, dtype=torch.bool, device=device), priming([old], [new])

        def call() -> Sequence[Tensor]:
            prime_on(flag, pairs)
            return (old,)

        return call

    return prepare
