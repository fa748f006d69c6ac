"""CPU time of every kernel at 1280×720, beside a memory copy of the same run.

Bytes are those that must cross at least once: every input read and every output written one time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.bench.timing import cpu_time, memory_copy
from stereocast.engine.layout import half_sphere_size
from stereocast.engine.models import Output
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork
from stereocast.engine.refine.ssm import S6
from stereocast.engine.refine.stage import RefineInput, TemporalRefiner
from stereocast.engine.refine.step import Corrector
from stereocast.engine.stereo.eyes import Eyes, EyesConfig
from stereocast.engine.stereo.silhouettes import Silhouettes
from stereocast.kernels import fill_holes, native, pack_sbs, selective_scan_step
from stereocast.kernels.formats import (
    Anaglyph,
    Palette,
    anaglyph,
    depth_picture,
    half_sphere,
    palette,
    recipe,
    sphere_map,
)
from stereocast.kernels.pack import Packing, Squeeze, pack_pictures
from stereocast.kernels.preprocess import to_network, yuv_to_rgb
from stereocast.kernels.refine import robust_line
from stereocast.kernels.warp import warp_eyes, warp_with_disparity
from stereocast.runtime import machine
from stereocast.runtime.source.synthetic import SyntheticSource
from stereocast.runtime.threads import usable_cores

HEIGHT, WIDTH = 720, 1280
GRID = (140, 252)

TO_EYES = "grid to packed eyes"
"""Silhouettes, upsampling, both warps, fill, packing: without the memory."""
REFINED = {
    "refine classic, relative depth": Output.RELATIVE_INVERSE,
    "refine classic, metres": Output.METRIC_DEPTH,
    "refine net, relative depth": Output.RELATIVE_INVERSE,
    "refine net, metres": Output.METRIC_DEPTH,
}
"""The whole stage on the network's grid, from the picture: motion, filter, network, watch."""
TO_EYES_1080, REMEMBERED = f"{TO_EYES}, 1080p", f"{TO_EYES}, memory"
GOALS_MS = {
    "warp + fill, both eyes": 6.5,
    "pack, both eyes": 1.5,
    "testsrc frame": 6.0,
    TO_EYES: 18.0,
    TO_EYES_1080: 40.0,
    **{name: 12.0 if "net" in name else 6.0 for name in REFINED},
}
"""CPU milliseconds, at 1280×720 where nothing else is said, that these must not exceed."""


@dataclass(frozen=True)
class Kernel:
    """What to time, and how many bytes one call must read and write at least."""

    call: Callable[[], object]
    traffic: int


def run() -> dict[str, object]:
    """Time every kernel on one thread and on all, and return the report."""
    torch.set_num_threads(1)
    native.retain_freed_memory()  # as every process that streams
    copy = memory_copy()
    copy_gb_per_s = 2 * (64 << 20) / copy.median_ms / 1e6
    source = SyntheticSource("testsrc:")
    frames = iter(source)
    kernels = _kernels() | {"testsrc frame": Kernel(lambda: next(frames), 3 * HEIGHT * WIDTH)}
    times = {}
    for threads in sorted({1, usable_cores()}):
        native.set_threads(threads)
        times[f"{threads} thread{'s' if threads > 1 else ''}"] = {
            name: _row(kernel, copy_gb_per_s) for name, kernel in kernels.items()
        }
    source.close()
    return {
        "schema": "stereocast/bench-kernels/2",
        "machine": machine.facts(),
        "kernels": native.description(),
        "size": [HEIGHT, WIDTH],
        "yardstick_copy_64_mib_ms": copy.report(),
        "copy_gb_per_s": round(copy_gb_per_s, 2),
        "goals_ms": GOALS_MS,
        "cpu_ms": times,
    }


def _row(kernel: Kernel, copy_gb_per_s: float) -> dict[str, float]:
    time = cpu_time(kernel.call)
    gb_per_s = kernel.traffic / time.median_ms / 1e6
    return time.report() | {
        "ns_per_pixel": round(time.median_ms * 1e6 / (HEIGHT * WIDTH), 3),
        "gb_per_s": round(gb_per_s, 3),
        "share_of_copy": round(gb_per_s / copy_gb_per_s, 4),
    }


def scene_disparity(height: int, width: int) -> Tensor:
    """Return a smooth disparity of ±12 px with a box and posts in front: slopes, tears, holes."""
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(1, 1, 14, 24, generator=generator) * 24 - 12
    disparity = interpolate(low, size=(height, width), mode="bilinear")[0, 0].contiguous()
    disparity[height // 4 : height * 2 // 3, width // 4 : width // 2] += 15
    for post in range(4):
        left = width * (2 * post + 1) // 8
        disparity[:, left : left + width // 64] = 24
    return disparity


def _half(squeeze: Squeeze) -> Packing:
    return Packing(1 if squeeze is Squeeze.HEIGHT else 2, squeeze, sharp=True)


def _kernels() -> dict[str, Kernel]:
    way = {
        TO_EYES: _grid_to_eyes(HEIGHT, WIDTH, memory=False),
        TO_EYES_1080: _grid_to_eyes(1080, 1920, memory=False),
        REMEMBERED: _grid_to_eyes(HEIGHT, WIDTH, memory=True),
        f"{REMEMBERED}, 1080p": _grid_to_eyes(1080, 1920, memory=True),
    }
    return _eyes() | way | _pictures() | _refiners() | _scans()


def _scene() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(0, 256, (3, HEIGHT, WIDTH), dtype=torch.uint8, generator=generator)
    return image, scene_disparity(HEIGHT, WIDTH)


def _grid_to_eyes(height: int, width: int, *, memory: bool) -> Kernel:
    """Return the whole way from the network's grid to both eyes in one picture.

    The built-in scene moves on by a frame and back with every call.
    """
    source = SyntheticSource(f"testsrc:?size={width}x{height}")
    truths = [source.stereo_truth(index) for index in (30, 31)]
    source.close()
    grids = [
        interpolate(truth.disparity[None, None], GRID, mode="area")[0, 0].contiguous()
        for truth in truths
    ]
    silhouettes = Silhouettes((height, width))
    eyes = Eyes((height, width), EyesConfig(memory=memory))
    gains, states = torch.tensor([0.5, -0.5]), [(silhouettes.init(), eyes.init(), 0)]

    def frame() -> None:
        soft, seen, number = states.pop()
        image = truths[number].left
        soft, sharp = silhouettes.step(soft, image, grids[number])
        seen, (left, right), _ = eyes.step(seen, image, sharp, gains)
        pack_sbs(left, right)
        states.append((soft, seen, 1 - number))

    return Kernel(frame, 6 * height * width + 4 * grids[0].numel())


def _eyes() -> dict[str, Kernel]:
    """Return what makes the views: 3 bytes of colour, 4 of disparity, 1 of mask per pixel."""
    image, disparity = _scene()
    view, depth = warp_with_disparity(image, disparity)
    holes, gains, pixels = torch.isneginf(depth), torch.tensor([0.5, -0.5]), HEIGHT * WIDTH
    eyes = Eyes((HEIGHT, WIDTH), EyesConfig(memory=False))
    state = eyes.init()
    return {
        "warp, one eye": Kernel(lambda: warp_with_disparity(image, disparity), 15 * pixels),
        "warp, both eyes": Kernel(lambda: warp_eyes(image, disparity, gains), 23 * pixels),
        "warp, both eyes, half width": Kernel(
            lambda: warp_eyes(image, disparity, gains, half_width=True), 15 * pixels
        ),
        "fill level 1, one eye": Kernel(
            lambda: fill_holes(view, holes, depth, level=1, out=view), 8 * pixels
        ),
        "fill level 2, one eye": Kernel(
            lambda: fill_holes(view, holes, depth, level=2, out=view), 8 * pixels
        ),
        "warp + fill, both eyes": Kernel(
            lambda: eyes.step(state, image, disparity, gains), (23 + 2 * 8) * pixels
        ),
    }


def _pictures() -> dict[str, Kernel]:
    """Return what turns pictures into other pictures."""
    left, _ = _scene()
    right, luma, chroma = left.flip(2).contiguous(), left[0], left[1, ::2, ::2].contiguous()
    dubois, grey = recipe(Anaglyph.DUBOIS), palette(Palette.GREY)
    nearness = torch.rand(GRID, generator=torch.Generator().manual_seed(2))
    side = half_sphere_size(HEIGHT, WIDTH)
    sphere = sphere_map((HEIGHT, WIDTH), side, hfov_deg=90)
    pixels = HEIGHT * WIDTH
    return {
        "pack, both eyes": Kernel(lambda: pack_sbs(left, right), 9 * pixels),
        "pack, half width": Kernel(
            lambda: pack_pictures([left, right], _half(Squeeze.WIDTH)), 15 * pixels // 2
        ),
        "pack, half height": Kernel(
            lambda: pack_pictures([left, right], _half(Squeeze.HEIGHT)), 15 * pixels // 2
        ),
        "anaglyph, Dubois": Kernel(lambda: anaglyph(left, right, dubois), 9 * pixels),
        "depth as a picture": Kernel(
            lambda: depth_picture(nearness, (HEIGHT, WIDTH), grey), 3 * pixels
        ),
        "half sphere, one eye": Kernel(
            lambda: half_sphere(left, sphere), 3 * (pixels + side * side)
        ),
        "YUV to RGB": Kernel(
            lambda: yuv_to_rgb(luma, chroma, chroma, matrix="bt709", full_range=False),
            9 * pixels // 2,
        ),
        "to the network grid": Kernel(
            lambda: to_network(left, size=GRID), 3 * pixels + 12 * GRID[0] * GRID[1]
        ),
    }


def _refiners() -> dict[str, Kernel]:
    """Return the refiner's stage; the built-in scene moves on by a frame and back."""
    source = SyntheticSource(f"testsrc:?size={WIDTH}x{HEIGHT}")
    truths = [source.stereo_truth(index) for index in (30, 31)]
    source.close()
    inputs = []
    for truth in truths:
        nearness = interpolate(truth.disparity[None, None], GRID, mode="area")[0, 0]
        depth = (nearness - nearness.min() + 10) / 10
        inputs.append(RefineInput(truth.left, depth.contiguous(), torch.full((1,), 1 / 30)))

    def stage(output: Output, corrector: Corrector | None) -> Kernel:
        config = RefineConfig("classic" if corrector is None else "net")
        refiner = TemporalRefiner(config, GRID, depth_output=output, corrector=corrector)
        states = [(refiner.init(), 0)]

        def frame() -> None:
            state, number = states.pop()
            state, _ = refiner.step(state, inputs[number])
            states.append((state, 1 - number))

        return Kernel(frame, 3 * HEIGHT * WIDTH + 4 * 2 * 6 * GRID[0] * GRID[1])

    network = RefineNetwork().eval().requires_grad_(False)
    return {
        name: stage(output, network if "net" in name else None) for name, output in REFINED.items()
    }


def _scans() -> dict[str, Kernel]:
    """Return one token of the refiner's core, a cell of 4×4 pixels of the grid each."""
    block, generator = S6().requires_grad_(False), torch.Generator().manual_seed(3)
    tokens, inner, size = (GRID[0] // 4) * (GRID[1] // 4), block.d_inner, block.d_state
    inputs = torch.randn(tokens, block.d_model, generator=generator)
    x, dt = torch.randn(2, tokens, inner, generator=generator)
    B, C = torch.randn(2, tokens, size, generator=generator)
    A, bias, states = -block.A_log.exp(), block.dt_proj.bias, [block.init(tokens)]
    start = states[0][1]

    def token() -> None:
        conv, ssm, _ = block.step(*states.pop(), inputs)
        states.append((conv, ssm))

    moved = 2 * (states[0][0].numel() + start.numel()) + 2 * inputs.numel()
    return {
        f"S6 block, {tokens} tokens": Kernel(token, 4 * moved),
        f"robust line, {tokens} samples": Kernel(
            lambda: robust_line(x[:, 0], dt[:, 0]), 8 * tokens
        ),
        f"selective scan, step, {tokens} tokens": Kernel(
            lambda: selective_scan_step(start, x, dt, A, B, C, block.D, x, bias, dt_softplus=True),
            4 * (2 * start.numel() + 4 * x.numel() + 2 * B.numel()),
        ),
    }
