"""From `refine.*` to its stage: weights, what a teacher's errors are, and a runtime for a network.

What many frames of it say, is in refine.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stereocast.engine.errors import ConfigError, StereocastError
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork, RefineStep, RunnerCorrector
from stereocast.engine.refine.off import Unrefined
from stereocast.engine.refine.reliability import calibration_of
from stereocast.engine.refine.stage import RefineStage, TemporalRefiner
from stereocast.engine.refine.step import Corrector
from stereocast.engine.refine.weights import load_network
from stereocast.engine.runner import TorchRunner
from stereocast.kernels import native
from stereocast.runtime.depth import OpenedDepth

RefinerExporter = Callable[[RefineNetwork, tuple[int, int]], Path]
"""From a network and a grid to its ONNX file, made if need be."""

OpenedCorrector = tuple[Corrector, str, tuple[str, ...]]
"""A network on what executes it, the name of that, and notes."""

OpenCorrector = Callable[[RefineConfig, tuple[int, int]], OpenedCorrector]
"""From the settings and a grid to a network that runs."""


@dataclass(frozen=True)
class OpenedRefiner:
    """A refine stage, and what was decided to get it.

    runner      what executes the network, for people; empty without one
    calibrated  whether this teacher's errors were measured
    notes       what people should know, one line each
    """

    stage: RefineStage[Any]
    mode: str
    runner: str = ""
    calibrated: bool = False
    notes: tuple[str, ...] = ()

    def report(self) -> dict[str, object]:
        """Return what a report says of it."""
        return {"mode": self.mode, "runner": self.runner, "calibrated": self.calibrated}


def open_refiner(
    config: RefineConfig, depth: OpenedDepth, *, threads: int = 1,
    exporter: RefinerExporter | None = None, opening: OpenCorrector | None = None,
) -> OpenedRefiner:  # fmt: skip
    """Return the stage that steadies `depth`.

    threads   of ONNX Runtime
    exporter  None: nobody can export a network
    opening   who opens the network elsewhere; None: here, on the CPU

    Raises WeightsError or ConfigError for files that are damaged, or for a runner that is not here.
    """
    if config.mode == "off":
        return OpenedRefiner(Unrefined(), config.mode)
    reliability = calibration_of(depth.model)
    corrector: Corrector | None = None
    said, notes = "", tuple[str, ...]()
    if config.mode == "net":
        opening = opening or partial(_corrector, threads=threads, exporter=exporter)
        corrector, said, notes = opening(config, depth.stage.grid)
    stage = TemporalRefiner(
        config, depth.stage.grid, depth_output=depth.stage.output,
        reliability=reliability, corrector=corrector,
    )  # fmt: skip
    return OpenedRefiner(stage, config.mode, said, reliability is not None, notes)


def _corrector(
    config: RefineConfig, grid: tuple[int, int], *, threads: int,
    exporter: RefinerExporter | None,
) -> OpenedCorrector:  # fmt: skip
    """Return the network on what executes it, the name of that, and notes.

    ONNX Runtime has no selective scan: it walks over the states once per operator. So PyTorch runs
    the network where the scan is native.
    """
    if config.runner == "tensorrt":
        raise ConfigError("refine.runner = tensorrt runs on a GPU: --set device.name=cuda")
    network = load_network(config.core)
    has_scan = config.core == "mamba" and native.serving() is not None
    if has_scan and config.runner != "onnx":
        return network, "PyTorch, native scan", ()
    if config.runner == "torch":
        return network, "PyTorch", ()
    try:
        if exporter is None:
            raise ConfigError("nothing here can export it to ONNX")
        runner = OnnxRunner(exporter(network, grid), threads=threads)
        said = f"ONNX Runtime, {threads} thread{'s' if threads > 1 else ''}"
        return RunnerCorrector(runner), said, ()
    except StereocastError as error:
        if config.runner == "onnx":
            raise
        step = RefineStep(network, grid)
        plain = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
        note = f"the refiner's network runs in PyTorch: {error}"
        return RunnerCorrector(plain), "PyTorch", (note,)
