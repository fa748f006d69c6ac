"""CPU time of every kernel at 1280×720, beside a memory copy of the same run."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.bench.timing import CpuTime, cpu_time, memory_copy
from stereocast.engine.layout import half_sphere_size
from stereocast.kernels import fill_holes, native, pack_sbs
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
from stereocast.kernels.warp import warp_with_disparity
from stereocast.runtime import machine
from stereocast.runtime.source.synthetic import SyntheticSource
from stereocast.runtime.threads import usable_cores

HEIGHT, WIDTH = 720, 1280
GRID = (140, 252)

GOALS_MS = {"warp + fill, one eye": 7.0, "pack, both eyes": 1.5, "testsrc frame": 6.0}
"""CPU milliseconds at 1280×720 that these kernels must not exceed."""


def run() -> dict[str, object]:
    """Time every kernel on one thread and on all, and return the report."""
    torch.set_num_threads(1)
    native.retain_freed_memory()  # as every process that streams
    copy = memory_copy()
    times = {
        f"{threads} thread{'s' if threads > 1 else ''}": _times(threads)
        for threads in sorted({1, usable_cores()})
    }
    return {
        "schema": "stereocast/bench-kernels/1",
        "machine": machine.facts(),
        "kernels": native.description(),
        "size": [HEIGHT, WIDTH],
        "yardstick_copy_64_mib_ms": copy.report(),
        "goals_ms": GOALS_MS,
        "cpu_ms": {
            threads: {name: value.report() for name, value in rows.items()}
            for threads, rows in times.items()
        },
    }


def scene_disparity(height: int, width: int) -> Tensor:
    """Return a smooth disparity of ±12 px with a box 15 px in front: slopes, tears and holes."""
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(1, 1, 14, 24, generator=generator) * 24 - 12
    disparity = interpolate(low, size=(height, width), mode="bilinear")[0, 0].contiguous()
    disparity[height // 4 : height * 2 // 3, width // 4 : width // 2] += 15
    return disparity


def _half(squeeze: Squeeze) -> Packing:
    return Packing(1 if squeeze is Squeeze.HEIGHT else 2, squeeze, sharp=True)


def _times(threads: int) -> dict[str, CpuTime]:
    native.set_threads(threads)
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(0, 256, (3, HEIGHT, WIDTH), dtype=torch.uint8, generator=generator)
    disparity = scene_disparity(HEIGHT, WIDTH)
    view, depth = warp_with_disparity(image, disparity)
    holes = torch.isneginf(depth)
    luma = image[0]
    chroma = image[1, ::2, ::2].contiguous()
    dubois, grey = recipe(Anaglyph.DUBOIS), palette(Palette.GREY)
    nearness = torch.rand(GRID, generator=generator)
    sphere = sphere_map((HEIGHT, WIDTH), half_sphere_size(HEIGHT, WIDTH), hfov_deg=90)
    source = SyntheticSource("testsrc:")
    frames = iter(source)

    def second_eye() -> None:
        view, depth = warp_with_disparity(image, disparity)
        fill_holes(view, torch.isneginf(depth), depth, out=view)

    times = {
        "warp, one eye": cpu_time(lambda: warp_with_disparity(image, disparity)),
        "fill, one eye": cpu_time(lambda: fill_holes(view, holes, depth)),
        "warp + fill, one eye": cpu_time(second_eye),
        "pack, both eyes": cpu_time(lambda: pack_sbs(image, view)),
        "pack, half width": cpu_time(lambda: pack_pictures([image, view], _half(Squeeze.WIDTH))),
        "pack, half height": cpu_time(lambda: pack_pictures([image, view], _half(Squeeze.HEIGHT))),
        "anaglyph, Dubois": cpu_time(lambda: anaglyph(image, view, dubois)),
        "depth as a picture": cpu_time(lambda: depth_picture(nearness, (HEIGHT, WIDTH), grey)),
        "half sphere, one eye": cpu_time(lambda: half_sphere(image, sphere)),
        "YUV to RGB": cpu_time(
            lambda: yuv_to_rgb(luma, chroma, chroma, matrix="bt709", full_range=False)
        ),
        "to the network grid": cpu_time(lambda: to_network(image, size=GRID)),
        "testsrc frame": cpu_time(lambda: next(frames)),
    }
    source.close()
    return times
