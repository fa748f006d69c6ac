"""The refiner's network as an ONNX file in the cache, made once for a grid."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

from stereocast.engine.refine.network import RefineNetwork, RefineStep
from stereocast.export.manifest import Built, versions, write_artefact
from stereocast.export.store import Say, is_whole, weights_digest
from stereocast.export.to_onnx import EXPORTER, OPSET, serialise, to_model

_PROGRAMS = ("torch", "onnx", "onnxscript")
_KEY_DIGITS = 12


def obtain_refiner(
    network: RefineNetwork, grid: tuple[int, int], folder: Path, *, say: Say | None = None
) -> Path:
    """Return the exported network in `folder`, made now if it is not there or is damaged.

    say  told before something takes long
    """
    path = refiner_path(network, grid, folder)
    if is_whole(path):
        return path
    if say is not None:
        say(f"exporting refiner-{network.core_kind} for {grid[0]}×{grid[1]}")
    digest = weights_digest(network.state_dict())
    return export_refiner(network, grid, path, weights_sha256=digest)


def refiner_path(network: RefineNetwork, grid: tuple[int, int], folder: Path) -> Path:
    """Return where the exported network lies, there or not."""
    name = f"refiner-{network.core_kind}"
    digest = weights_digest(network.state_dict())
    facts = (name, digest, grid, OPSET, EXPORTER, sorted(versions(_PROGRAMS).items()))
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:_KEY_DIGITS]
    return folder / f"{name}-{grid[0]}x{grid[1]}-fp32-{key}.onnx"


def export_refiner(
    network: RefineNetwork, grid: tuple[int, int], path: Path, *, weights_sha256: str = "unknown"
) -> Path:
    """Write the network for one grid to `path`, with its manifest beside it, and return `path`."""
    step = RefineStep(network, grid).eval()
    built = Built(
        model=f"refiner-{network.core_kind}",
        grid=grid,
        cache=step.cache,
        precision="fp32",
        inputs=step.input_specs(),
        outputs=step.output_specs(),
        built_with=_PROGRAMS,
        key={
            "opset": str(OPSET),
            "exporter": str(EXPORTER),
            "weights_sha256": weights_sha256,
        },
    )
    return write_artefact(path, serialise(to_model(cast("Any", step))), built)
