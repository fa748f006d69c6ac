"""Parts of the GPU bench: kernels and networks, each a function from a place to a piece of report.

Whole frames are in frames.py, encoders and decoders in codecs.py, whole streams in loopback.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from stereocast.bench.gpu.agreement import Agreement, compare, worst
from stereocast.bench.gpu.cases import Case, cases
from stereocast.bench.gpu.clock import captured_ms
from stereocast.bench.gpu.plan import Size, attempted
from stereocast.bench.gpu.roofline import Ceilings, percentile, rate_gb_per_s, share_of_roof, spread
from stereocast.engine.depth import vda
from stereocast.engine.frame import Frame
from stereocast.engine.models import Output
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.stage import RefineInput, TemporalRefiner
from stereocast.engine.refine.weights import load_network
from stereocast.engine.session import EngineConfig, Session
from stereocast.engine.static import Place
from stereocast.runtime.gpu_stages import half_precision_runner

FRAME_NS = 16_666_667
_BLOCK = 18


def agreements(place: Place, *, seed: int, sizes: Sequence[Size]) -> dict[str, dict[str, object]]:
    """Hold every kernel on the place against the CPU's form, with inputs of this seed."""
    found: dict[str, list[Agreement]] = {}
    failed: dict[str, dict[str, object]] = {}
    for number, size in enumerate(sizes):
        for case in cases(size, seed + number):
            agreement = attempted(lambda case=case: _agreement(case, place))  # type: ignore[misc]
            if isinstance(agreement, Agreement):
                found.setdefault(case.name, []).append(agreement)
            else:
                assert isinstance(agreement, dict)
                failed[case.name] = {"agrees": False, **agreement}
    return {name: worst(each).report() for name, each in found.items()} | failed


def _agreement(case: Case, place: Place) -> Agreement:
    expected = case.prepare(torch.device("cpu"))()
    with place.entered():
        actual = [part.to("cpu") for part in case.prepare(place.device)()]
    return worst(
        [
            compare(a, b, tolerance=case.tolerance, most_flips=case.most_flips)
            for a, b in zip(actual, expected, strict=True)
        ]
    )


def kernel_times(
    place: Place, ceilings: Ceilings, *, size: Size, calls: int, limit_s: float
) -> dict[str, object]:
    """Time every kernel in a graph of its own, inputs in place."""
    every = list(cases(size, 7))

    def timed(case: Case) -> object:
        return attempted(
            lambda: _timed(case, place, ceilings, calls=calls, limit_s=limit_s / len(every))
        )

    return {case.name: timed(case) for case in every}


def _timed(
    case: Case, place: Place, ceilings: Ceilings, *, calls: int, limit_s: float
) -> dict[str, object]:
    with place.entered():
        call = case.prepare(place.device)
        median = percentile(captured_ms(call, place.device, calls=calls, limit_s=limit_s), 0.5)
    return {
        "ms": round(median, 4),
        "gb_per_s": round(rate_gb_per_s(case.traffic, median), 1),
        "share_of_roof": round(share_of_roof(case.traffic, median, ceilings), 4),
    }


def depth_on(place: Place, network: vda.VideoDepth, grid: Size, size: Size) -> vda.DepthStage:
    """Return the streaming stage in half precision on a place, whose context is entered."""
    runner = half_precision_runner(network, grid, place)
    return vda.DepthStage.on(runner, frame_size=size, device=place.device)


def refine_step(
    place: Place, grid: Size, *, size: Size, steps: int, limit_s: float
) -> dict[str, object]:
    """Time a frame of the refiner in a graph: the filter, and with its network."""
    device = place.device
    with place.entered():
        frame = RefineInput(
            torch.randint(0, 256, (3, *size), dtype=torch.uint8),
            torch.rand(grid) + 0.5,
            torch.full((1,), 1 / 60),
        )
    found: dict[str, object] = {"grid": list(grid)}
    for mode in ("classic", "net"):
        with place.entered():
            refiner = refiner_on(place, mode, grid)
            state = refiner.init()
            times = captured_ms(
                lambda refiner=refiner, state=state: refiner.step(state, frame),  # type: ignore[misc]
                device, calls=steps, limit_s=limit_s / 2,
            )  # fmt: skip
        found[mode] = {"captured_ms": spread(times)}
    return found


def refiner_on(place: Place, mode: str, grid: Size) -> TemporalRefiner:
    """Return the refine stage on a place, for relative depth, with the built-in network."""
    config = RefineConfig(mode=mode)
    network = None
    if mode == "net":
        with torch.device("cpu"):
            network = load_network(config.core)
        network = network.to(place.device)
    return TemporalRefiner(config, grid, depth_output=Output.RELATIVE_INVERSE, corrector=network)


def graph_equals_eager(place: Place, *, size: Size, frames: int = 8) -> dict[str, object]:
    """Hold the place's pipeline against the CPU's eager one, through a cut."""
    dice = torch.Generator().manual_seed(3)
    # Blocks, so that a picture moves a little from frame to frame and the cut alone is one.
    blocks = [torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=dice) for _ in (0, 1)]
    scenes = [
        each[:, ::_BLOCK, ::_BLOCK].repeat_interleave(_BLOCK, 1).repeat_interleave(_BLOCK, 2)
        for each in blocks
    ]
    scenes = [each[:, : size[0], : size[1]] for each in scenes]
    ours, theirs = session_on(place, size), session_on(None, size)
    found = []
    for index in range(frames):
        scene = scenes[index * 2 // frames].roll(index, 2).contiguous()
        frame = Frame(scene, index * FRAME_NS, index)
        made = ours.step(frame).surface.to("cpu")
        found.append(compare(made, theirs.step(frame).surface, tolerance=2.0, most_flips=0.02))
    return {**worst(found).report(), "cuts": [ours.cuts, theirs.cuts]}


def session_on(place: Place | None, size: Size, refine: str = "off") -> Session:
    """Return a session with the geometric depth prior, which needs no weights."""
    return Session(size, replace(EngineConfig(), refine=RefineConfig(mode=refine)), place=place)
