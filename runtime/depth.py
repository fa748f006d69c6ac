"""From the name of a depth model to its stage: the file is found and a runtime for it chosen.

Networks run in ONNX Runtime. The built-in one and Video-Depth-Anything come as weights of PyTorch,
which somebody has to export first; where nobody can, PyTorch runs them, which costs about twice the
processor time and is said aloud.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stereocast.engine.depth import tiny, vda
from stereocast.engine.depth.picture import NORMALISATIONS, PictureDepth
from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.stage import DepthStage
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.errors import ConfigError, ModelError, StereocastError
from stereocast.engine.models import MODELS, Output
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.engine.runner import Runner, TorchRunner
from stereocast.engine.session import DepthConfig
from stereocast.runtime.models.checkpoint import read_state_dict
from stereocast.runtime.models.store import ModelStore, StoredModel

Network = vda.VideoDepth | tiny.TinyDepth
Exporter = Callable[[Network, str, tuple[int, int], str], Path]
"""From a network, its name, grid and precision to the ONNX file of its step, made if need be."""


@dataclass(frozen=True)
class OpenedDepth:
    """A depth stage, and what was decided to get it.

    runner  what executes the network, for people
    notes   what they should know, one line each
    """

    stage: DepthStage[Any]
    model: str
    runner: str
    notes: tuple[str, ...] = ()

    def report(self) -> dict[str, object]:
        """Return what a report says of it."""
        return {
            "model": self.model,
            "output": str(self.stage.output),
            "grid": list(self.stage.grid),
            "runner": self.runner,
        }


@dataclass(frozen=True)
class DepthFiles:
    """What stages are made from.

    threads   of ONNX Runtime
    exporter  None: nobody can export a network
    """

    store: ModelStore
    threads: int = 1
    exporter: Exporter | None = None


def open_depth(config: DepthConfig, frame_size: tuple[int, int], files: DepthFiles) -> OpenedDepth:
    """Return the stage of `config.model` for frames of `frame_size` = (H, W).

    Raises ModelError that says what there is, or which command brings the weights; ConfigError for
    a grid that the network cannot have.
    """
    if config.runner == "tensorrt":
        raise ConfigError("depth.runner = tensorrt runs on a GPU: --set device.name=cuda")
    grid = config.grid_for(frame_size)
    if config.model == "prior":
        prior = PriorDepth(grid, frame_size=frame_size, smoothing_s=config.smoothing_s)
        return OpenedDepth(prior, config.model, "PyTorch")
    if config.model == "tiny":
        return _open_tiny(config, frame_size, files)
    stored = _find(config.model, files.store)
    if stored.network is not None:
        return _open_picture(stored, config, frame_size, files.threads)
    return _open_streamed(stored, config, frame_size, files)


def _find(name: str, store: ModelStore) -> StoredModel:
    known = list(dict.fromkeys((*(entry.name for entry in MODELS), *store.names())))
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ModelError(f"depth.model: there is no '{name}': {hint}there is {', '.join(known)}")
    return store.get(name)


def _open_picture(
    stored: StoredModel, config: DepthConfig, frame_size: tuple[int, int], threads: int
) -> OpenedDepth:
    network = stored.network
    assert network is not None
    if config.runner == "torch":
        raise ConfigError(f"depth.runner = torch: {stored.name} is an ONNX file; choose auto, onnx")
    grid = config.grid_for(frame_size)
    size = network.fitting(*grid)
    runner = OnnxRunner(stored.path, threads=threads, shapes={network.input: (1, 3, *size)})
    stage = PictureDepth(
        runner,
        output=stored.output,
        frame_size=frame_size,
        normalisation=NORMALISATIONS[network.normalise],
        smoothing_s=config.smoothing_s,
        map_name=network.output,
    )
    notes = (f"{stored.name} takes pictures of {size[0]}×{size[1]}",) if size != grid else ()
    return OpenedDepth(stage, stored.name, _onnx_runtime(threads), notes)


def _open_streamed(
    stored: StoredModel, config: DepthConfig, frame_size: tuple[int, int], files: DepthFiles
) -> OpenedDepth:
    if stored.encoder is None:
        raise ModelError(f"{stored.name}: its manifest names no encoder; import it again")
    network = vda.build(
        stored.encoder,
        read_state_dict(stored.path),
        metric=stored.output is Output.METRIC_DEPTH,
    )
    grid = config.grid_for(frame_size)
    runner, said, notes = _runner(
        network,
        stored.name,
        (grid, config.precision, config.runner),
        files,
        lambda: vda.StreamingStep(network, grid),
    )
    stage = vda.DepthStage.on(runner, frame_size=frame_size, memory=config.memory())
    return OpenedDepth(StreamedDepth(stage, output=stored.output), stored.name, said, notes)


def _open_tiny(config: DepthConfig, frame_size: tuple[int, int], files: DepthFiles) -> OpenedDepth:
    """Return the built-in network's stage; it has one precision, and needs no smoothing."""
    network, grid = tiny.load_network(), config.grid_for(frame_size)
    runner, said, notes = _runner(
        network,
        config.model,
        (grid, "fp32", config.runner),
        files,
        lambda: tiny.TinyStep(network, grid),
    )
    if config.precision != "fp32":
        notes = (*notes, f"{config.model} has no {config.precision} variant: it runs in fp32")
    stage = tiny.TinyStage(runner, frame_size=frame_size)
    return OpenedDepth(stage, config.model, said, notes)


def _runner(
    network: Network, name: str, form: tuple[tuple[int, int], str, str], files: DepthFiles,
    step_of: Callable[[], vda.StreamingStep | tiny.TinyStep],
) -> tuple[Runner, str, tuple[str, ...]]:  # fmt: skip
    """Return what executes a network in `form`: grid, precision, runner; its name; and notes."""
    grid, precision, wanted = form
    notes: tuple[str, ...] = ()
    if wanted != "torch":
        try:
            path = _exported(files.exporter, network, name, grid, precision)
            runner = OnnxRunner(path, threads=files.threads)
            return runner, f"{_onnx_runtime(files.threads)}, {precision}", ()
        except StereocastError as error:
            if wanted == "onnx":
                raise
            notes = (f"{name} runs in PyTorch, which takes about twice as long: {error}",)
    step = step_of()
    plain = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    return plain, "PyTorch", notes


def _exported(
    exporter: Exporter | None, network: Network, name: str, grid: tuple[int, int], precision: str
) -> Path:
    if exporter is None:
        raise ModelError("nothing here can export it to ONNX")
    return exporter(network, name, grid, precision)


def _onnx_runtime(threads: int) -> str:
    return f"ONNX Runtime, {threads} thread{'s' if threads > 1 else ''}"
