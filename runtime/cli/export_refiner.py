"""The refiner's networks for `stereocast export refiner`: ONNX, and a TensorRT plan if asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REFINERS = {"refiner": "mamba", "refiner-none": "none"}
"""Names that `export` knows, and the cores they stand for."""


@dataclass(frozen=True)
class RefinerWish:
    """What is wanted: core, grid, where to, and the targets of a plan; None: no plan."""

    core: str
    grid: tuple[int, int]
    folder: Path
    weights: Path | None
    targets: tuple[int, ...] | None


def export_refiner(
    wish: RefinerWish, say: Callable[[str], None], advance: Callable[[str, int, int], None]
) -> list[Path]:
    """Return the files, made now if they are not there.

    Raises MissingDependency, ConfigError, WeightsError or StereocastError in one line.
    """
    from stereocast.engine.refine.weights import load_network
    from stereocast.export.refiner import obtain_refiner

    files = [obtain_refiner(load_network(wish.core, wish.weights), wish.grid, wish.folder, say=say)]
    if wish.targets is not None:
        from stereocast.export.to_plan import build_plan

        say("building a TensorRT plan")
        files.append(build_plan(files[0], wish.folder, targets=wish.targets, progress=advance))
    return files
