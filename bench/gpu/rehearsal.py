"""All of the bench on the CPU, small and short: that it runs is all that this tells."""

from __future__ import annotations

import torch

from stereocast.bench.gpu.clock import Loads
from stereocast.bench.gpu.plan import Plan
from stereocast.engine.depth.vda.architecture import Architecture
from stereocast.engine.static import Place

REHEARSAL = Plan(
    small=((34, 46),),
    hd=(144, 256),
    uhd=(180, 320),
    against_cpu=(90, 160),
    grids=((42, 56),),
    network="little",
    architecture=Architecture(
        dim=32,
        depth=4,
        heads=2,
        taps=(0, 1, 2, 3),
        features=64,
        out_channels=(8, 16, 64, 128),
        position_side=5,
    ),
    kernel_calls=3,
    steps=12,
    frames=12,
    soak_s=2.0,
    soak_fps=2.0,
    coded=12,
    loopback_s=2.0,
    loopback=("testsrc:?size=384x216&fps=15",),
    loads=Loads(copied=1 << 20, side=64),
)


def stand_in() -> Place:
    """Return the CPU as a place: static buffers, no launcher."""
    return Place(torch.device("cpu"))
