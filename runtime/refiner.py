"""From `refine.*` to its stage: weights, what a teacher's errors are, and a runtime for a network.

What many frames of it say, is in refine.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from stereocast.engine.errors import ConfigError, StereocastError
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork, RefineStep, RunnerCorrector
from stereocast.engine.refine.off import Unrefined
from stereocast.engine.refine.reliability import Reliability
from stereocast.engine.refine.stage import RefineStage, TemporalRefiner
from stereocast.engine.refine.step import Corrector
from stereocast.engine.refine.weights import load_network
from stereocast.engine.runner import TorchRunner
from stereocast.kernels import native
from stereocast.runtime.depth import OpenedDepth

RefinerExporter = Callable[[RefineNetwork, tuple[int, int]], Path]
"""From a network and a grid to its ONNX file, made if need be."""

CALIBRATIONS = Path(__file__).resolve().parent.parent / "configs" / "reliability"
"""One JSON for each teacher that training/calibrate measured."""
SCHEMA = "stereocast/reliability/1"


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
    exporter: RefinerExporter | None = None,
) -> OpenedRefiner:  # fmt: skip
    """Return the stage that steadies `depth`.

    threads   of ONNX Runtime
    exporter  None: nobody can export a network

    Raises WeightsError or ConfigError for files that are damaged.
    """
    if config.mode == "off":
        return OpenedRefiner(Unrefined(), config.mode)
    reliability = calibration_of(depth.model)
    corrector: Corrector | None = None
    said, notes = "", tuple[str, ...]()
    if config.mode == "net":
        corrector, said, notes = _corrector(config, depth.stage.grid, threads, exporter)
    stage = TemporalRefiner(
        config, depth.stage.grid, depth_output=depth.stage.output,
        reliability=reliability, corrector=corrector,
    )  # fmt: skip
    return OpenedRefiner(stage, config.mode, said, reliability is not None, notes)


def calibration_of(model: str, folder: Path = CALIBRATIONS) -> Reliability | None:
    """Return how wrong a model is where; None: nobody measured it.

    Raises ConfigError for a file that is no calibration.
    """
    path = folder / f"{model}.json"
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema is {document['schema']!r}")
        return Reliability(
            **{each.name: float(document[each.name]) for each in fields(Reliability)}
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: this is no calibration of schema {SCHEMA} ({error!r})"
        ) from None


def _corrector(
    config: RefineConfig, grid: tuple[int, int], threads: int, exporter: RefinerExporter | None
) -> tuple[Corrector, str, tuple[str, ...]]:
    """Return the network on what executes it, the name of that, and notes.

    ONNX Runtime has no selective scan: it walks over the states once per operator. So PyTorch runs
    the network where the scan is native.
    """
    network = load_network(config.core)
    if config.core == "mamba" and native.serving() is not None:
        return network, "PyTorch, native scan", ()
    try:
        if exporter is None:
            raise ConfigError("nothing here can export it to ONNX")
        runner = OnnxRunner(exporter(network, grid), threads=threads)
        said = f"ONNX Runtime, {threads} thread{'s' if threads > 1 else ''}"
        return RunnerCorrector(runner), said, ()
    except StereocastError as error:
        step = RefineStep(network, grid)
        plain = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
        note = f"the refiner's network runs in PyTorch: {error}"
        return RunnerCorrector(plain), "PyTorch", (note,)
