"""The parts of the GPU bench, each a function from a place to a piece of the report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from stereocast.bench.depth import random_network
from stereocast.bench.gpu.agreement import Agreement, compare, worst
from stereocast.bench.gpu.cases import Case, cases
from stereocast.bench.gpu.clock import captured_ms, gpu_ms
from stereocast.bench.gpu.roofline import Ceilings, percentile, rate_gb_per_s, share_of_roof, spread
from stereocast.bench.upstream import UpstreamStream
from stereocast.engine.depth import vda
from stereocast.engine.frame import Frame
from stereocast.engine.graph import CapturedStep
from stereocast.engine.layout import Layout
from stereocast.engine.pipeline import Input
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.session import EngineConfig, Session
from stereocast.engine.static import Place
from stereocast.runtime.encode.probe import EncoderSettings, choose_encoder, describe
from stereocast.runtime.gpu_stages import half_precision_runner

HD, UHD = (1080, 1920), (2160, 3840)
FRAME_NS = 16_666_667
_TINY = (34, 46), (61, 93)


def agreements(
    place: Place, *, seed: int, sizes: Sequence[tuple[int, int]] = (*_TINY, HD)
) -> dict[str, dict[str, object]]:
    """Hold every kernel on the place against the CPU's form, with inputs of this seed."""
    found: dict[str, list[Agreement]] = {}
    for number, size in enumerate(sizes):
        for case in cases(size, seed + number):
            expected = case.prepare(torch.device("cpu"))()
            with place.entered():
                actual = [part.to("cpu") for part in case.prepare(place.device)()]
            each = [
                compare(a, b, tolerance=case.tolerance, most_flips=case.most_flips)
                for a, b in zip(actual, expected, strict=True)
            ]
            found.setdefault(case.name, []).append(worst(each))
    return {name: worst(each).report() for name, each in found.items()}


def kernel_times(
    place: Place, ceilings: Ceilings, *, size: tuple[int, int] = HD
) -> dict[str, object]:
    """Time every kernel in a graph of its own, inputs in place."""
    return {case.name: _timed(case, place, ceilings) for case in cases(size, 7)}


def _timed(case: Case, place: Place, ceilings: Ceilings) -> dict[str, object]:
    with place.entered():
        median = percentile(captured_ms(case.prepare(place.device), calls=100), 0.5)
    return {
        "ms": round(median, 4),
        "gb_per_s": round(rate_gb_per_s(case.traffic, median), 1),
        "share_of_roof": round(share_of_roof(case.traffic, median, ceilings), 4),
    }


def depth_step(place: Place, grid: tuple[int, int]) -> dict[str, object]:
    """Time a frame of Video-Depth-Anything small: ours eager and captured, and the upstream way."""
    frame_size = HD
    network = random_network("vits")
    rgb = torch.randint(0, 256, (3, *frame_size), dtype=torch.uint8).to(place.device)
    with place.entered():
        runner = half_precision_runner(network, grid, place)
        stage = vda.DepthStage.on(runner, frame_size=frame_size, device=place.device)
        state = stage.init()

        def ours() -> None:
            nonlocal state
            state, _ = stage.step(state, rgb)

        eager = gpu_ms(ours, calls=30)
        captured = captured_ms(lambda: stage.step(state, rgb), calls=200)
        upstream = UpstreamStream(network.to(place.device), grid, fused=True)
        theirs = gpu_ms(lambda: upstream.step(rgb), calls=30)
        with torch.autocast("cuda", torch.float16):
            theirs_half = gpu_ms(lambda: upstream.step(rgb), calls=30)
    ratio = percentile(theirs_half, 0.5) / percentile(captured, 0.5)
    return {
        "grid": list(grid),
        "eager_ms": spread(eager),
        "captured_fp16_ms": spread(captured),
        "upstream_fp32_ms": spread(theirs),
        "upstream_autocast_fp16_ms": spread(theirs_half),
        "times_faster_than_upstream": round(ratio, 2),
    }


def pipeline(
    place: Place, size: tuple[int, int], *, frames: int, graphs: int = 1, refine: str = "off"
) -> dict[str, object]:
    """Time whole frames without encoding; check that nothing is allocated after the first."""
    session = _session(place, size, refine)
    executor = CapturedStep(session._pipeline, place, frame_size=size, graphs=graphs)
    rgb = [torch.randint(0, 256, (3, *size), dtype=torch.uint8).to(place.device) for _ in range(4)]
    controls = session.controls.tensor().to(place.device)
    dt = torch.full((1,), 1 / 60).to(place.device)
    count = iter(range(10**9))

    def step() -> None:
        executor.step(Input(rgb[next(count) % len(rgb)], controls, dt), mark=_silent)

    step()
    torch.cuda.synchronize()
    held = torch.cuda.memory_stats(place.device)["allocation.all.allocated"]
    peak = torch.cuda.memory_allocated(place.device)
    times = gpu_ms(step, calls=frames)
    torch.cuda.synchronize()
    allocated = torch.cuda.memory_stats(place.device)["allocation.all.allocated"] - held
    return {
        "size": list(size),
        "frames": frames,
        "graphs": graphs,
        "refine": refine,
        "ms": spread(times),
        "allocations_after_warm_up": int(allocated),
        "device_memory_mb": round(torch.cuda.memory_allocated(place.device) / 1e6, 1),
        "memory_growth_bytes": torch.cuda.memory_allocated(place.device) - peak,
    }


def graph_equals_eager(place: Place, *, frames: int = 8) -> dict[str, object]:
    """Hold the captured pipeline against the CPU's, through a cut."""
    size = (270, 480)
    dice = torch.Generator().manual_seed(3)
    scenes = [torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=dice) for _ in (0, 1)]
    ours, theirs = _session(place, size, "off"), Session(size)
    found = []
    for index in range(frames):
        scene = scenes[index * 2 // frames].roll(index, 2).contiguous()
        frame = Frame(scene, index * FRAME_NS, index)
        made = ours.step(frame).surface.to("cpu")
        found.append(compare(made, theirs.step(frame).surface, tolerance=2.0, most_flips=0.02))
    return {**worst(found).report(), "cuts": [ours.cuts, theirs.cuts]}


def encoders(place: Place, size: tuple[int, int] = HD, *, frames: int = 120) -> dict[str, object]:
    """Probe every encoder, and time the best one on surfaces where the pipeline leaves them."""
    session = _session(place, size, "off")
    height, width = Layout.FULL_SBS.packed_size(*size)
    probes = [vars(result) for result in describe()]
    timed: dict[str, object] = {}
    for probe in probes:
        if not probe["works"]:
            continue
        settings = EncoderSettings(threads=8)
        encoder = choose_encoder(
            [str(probe["name"])], width=width, height=height, fps=60.0, settings=settings
        ).encoder
        samples = []
        for index in range(frames):
            rgb = torch.randint(0, 256, (3, size[0] // 8, size[1] // 8), dtype=torch.uint8)
            picture = rgb.repeat_interleave(8, 1).repeat_interleave(8, 2).contiguous()
            stereo = session.step(Frame(picture, index * FRAME_NS, index))
            began = time.perf_counter()
            encoder.encode(stereo, keyframe=index == 0)
            samples.append((time.perf_counter() - began) * 1e3)
        encoder.close()
        timed[str(probe["name"])] = spread(samples[5:])
    return {"probes": probes, "encode_ms": timed, "packed": [height, width]}


def _session(place: Place, size: tuple[int, int], refine: str) -> Session:
    config = replace(EngineConfig(), refine=RefineConfig(mode=refine))
    return Session(size, config, place=place)


def _silent(stage: str) -> None:
    """Take no time."""
