"""CPU time per frame of streaming Video-Depth-Anything (vits), against upstream's way.

All ways get the same random weights and frames, and take turns frame by frame, so that other work
on the machine meets them equally. Depth is compared too: a fast wrong way would not count.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from stereocast.bench.openvino import OpenVinoRunner
from stereocast.bench.timing import memory_copy
from stereocast.bench.upstream import UpstreamStream
from stereocast.engine.depth.vda import DepthStage, VideoDepth
from stereocast.engine.depth.vda.architecture import ARCHITECTURES, Architecture
from stereocast.engine.depth.vda.cache import CacheKind
from stereocast.engine.errors import MissingDependency
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.engine.runner import Runner
from stereocast.export.store import Export, obtain, weights_digest
from stereocast.runtime import machine

GRIDS = ((140, 252), (252, 448))
FRAME_SIZE = (270, 480)
FRAMES = 12
UPSTREAM = "upstream way"
ONNX_FP32, ONNX_INT8 = "ONNX Runtime fp32", "ONNX Runtime int8"

GOALS_SHARE = {ONNX_FP32: 0.45, ONNX_INT8: 0.30}
"""Shares of the baseline's CPU time that these ways must not exceed."""

Step = Callable[[Tensor], Tensor]
"""From a frame u8 [3, H, W] to depth [h, w]; remembers the stream."""


@dataclass
class Samples:
    """What one way took for each frame, ms, and its largest difference from the baseline."""

    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    difference: float = 0.0


def run(
    exports: Path, *, grids: tuple[tuple[int, int], ...] = GRIDS, frames: int = FRAMES
) -> dict[str, object]:
    """Measure every way at every grid on one thread, and return the report.

    exports  folder where exported networks are kept between runs
    """
    torch.set_num_threads(1)
    network = random_network()
    copy = memory_copy()
    return {
        "schema": "stereocast/bench-depth/1",
        "machine": machine.facts(),
        "encoder": "vits, random weights",
        "frames": frames,
        "goals_share": GOALS_SHARE,
        "yardstick_copy_64_mib_ms": copy.report(),
        "grids": {
            f"{grid[0]}x{grid[1]}": report(
                measure(
                    torch_ways(network, grid) | exported_ways(network, grid, exports),
                    frames=frames,
                )
            )
            for grid in grids
        },
    }


def random_network(architecture: Architecture = ARCHITECTURES["vits"]) -> VideoDepth:
    """Return a network whose weights are random but as large as trained ones."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = VideoDepth(architecture)
        for attention in network.head.temporal_attentions():
            attention.pos_encoder.pe.normal_()
        network.get_parameter("head.scratch.output_conv2.2.bias").data.fill_(1.0)
    return network.eval().requires_grad_(False)


def torch_ways(network: VideoDepth, grid: tuple[int, int]) -> dict[str, Step]:
    """Return the ways that need nothing but torch; the baseline comes first."""
    return {
        UPSTREAM: UpstreamStream(network, grid).step,
        f"{UPSTREAM}, fused attention": UpstreamStream(network, grid, fused=True).step,
        "kv ring": _stream(network, grid, "kv", torch.float32),
        "kv ring, float16": _stream(network, grid, "kv", torch.float16),
        "u ring": _stream(network, grid, "u", torch.float32),
        "u ring, float16": _stream(network, grid, "u", torch.float16),
    }


def exported_ways(network: VideoDepth, grid: tuple[int, int], folder: Path) -> dict[str, Step]:
    """Return the ways that run exported files, on one thread; OpenVINO where it is installed."""
    digest = weights_digest(network.state_dict())
    fp32, int8 = (
        obtain(network, Export("vits-random", digest, grid, precision), folder)
        for precision in ("fp32", "int8")
    )
    ways = {ONNX_FP32: _on(OnnxRunner(fp32)), ONNX_INT8: _on(OnnxRunner(int8))}
    try:
        ways |= {
            "OpenVINO fp32": _on(OpenVinoRunner(fp32)),
            "OpenVINO bf16": _on(OpenVinoRunner(fp32, precision="bf16")),
        }
    except MissingDependency:
        return ways  # the report shows which ways were measured
    return ways


def measure(ways: Mapping[str, Step], *, frames: int) -> dict[str, Samples]:
    """Stream `frames` frames, after two to warm up, through every way; the first is the truth."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(1, 3, 9, 16, generator=generator) * 255
    picture = functional.interpolate(coarse, size=FRAME_SIZE, mode="bilinear")[0].to(torch.uint8)
    samples = {name: Samples() for name in ways}
    for index in range(frames + 2):
        frame = picture.roll(3 * index, dims=2).contiguous()
        truth: Tensor | None = None
        for name, step in ways.items():
            cpu, wall = time.process_time(), time.perf_counter()
            depth = step(frame)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            truth = depth if truth is None else truth
            row = samples[name]
            row.difference = max(row.difference, float((depth - truth).abs().max()))
            if index >= 2:
                row.cpu_ms.append(cpu * 1e3)
                row.wall_ms.append(wall * 1e3)
    return samples


def report(samples: Mapping[str, Samples]) -> dict[str, dict[str, float]]:
    """Return medians, and CPU time as a share of the first way's."""
    baseline = statistics.median(next(iter(samples.values())).cpu_ms)
    return {
        name: {
            "cpu_ms": round(statistics.median(row.cpu_ms), 2),
            "wall_ms": round(statistics.median(row.wall_ms), 2),
            "min_cpu_ms": round(min(row.cpu_ms), 2),
            "share": round(statistics.median(row.cpu_ms) / baseline, 3),
            "max_difference": row.difference,
        }
        for name, row in samples.items()
    }


def _stream(
    network: VideoDepth, grid: tuple[int, int], cache: CacheKind, storage: torch.dtype
) -> Step:
    stage = DepthStage(network, frame_size=FRAME_SIZE, grid=grid, cache=cache, storage=storage)
    return _steps(stage)


def _on(runner: Runner) -> Step:
    return _steps(DepthStage.on(runner, frame_size=FRAME_SIZE))


def _steps(stage: DepthStage) -> Step:
    state = stage.init()

    def step(frame: Tensor) -> Tensor:
        nonlocal state
        state, depth = stage.step(state, frame)
        return depth

    return step
