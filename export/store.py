"""Exports that are made once and found again: a folder whose file names say what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from stereocast.engine.artefact import check_file, manifest_path, read_manifest
from stereocast.engine.depth.vda.cache import CACHE_KINDS, CacheKind
from stereocast.engine.errors import ConfigError, PlanMismatch
from stereocast.export.manifest import versions
from stereocast.export.quantise import quantise
from stereocast.export.steps import Network, step_of
from stereocast.export.to_onnx import EXPORTER, OPSET, export_step

ExportPrecision = Literal["fp32", "fp16", "int8"]
PRECISIONS = ("fp32", "fp16", "int8")

Say = Callable[[str], None]
"""Told in a few words what is being done, before it is done."""

_KEY_DIGITS = 12


@dataclass(frozen=True)
class Export:
    """Everything that decides the content of an exported file, besides programs' versions.

    model           name of the network
    weights_sha256  of its weights, see `weights_digest`
    grid            (h, w) pixels of the input
    precision       fp32, fp16 or int8; the memory of fp16 is float16 too
    cache           kind of row
    """

    model: str
    weights_sha256: str
    grid: tuple[int, int]
    precision: ExportPrecision = "fp32"
    cache: CacheKind = "kv"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ConfigError(f"export: precision '{self.precision}' is not one of {known}")
        if self.cache not in CACHE_KINDS:
            known = ", ".join(CACHE_KINDS)
            raise ConfigError(f"export: cache '{self.cache}' is not one of {known}")

    @property
    def storage(self) -> torch.dtype:
        """The dtype of the remembered rows."""
        return torch.float16 if self.precision == "fp16" else torch.float32

    def file_name(self) -> str:
        """Return what the file is called; other programs' versions give another name."""
        programs = versions(("torch", "onnx", "onnxscript", "onnxruntime"))
        facts = (asdict(self), OPSET, EXPORTER, sorted(programs.items()))
        key = hashlib.sha256(repr(facts).encode()).hexdigest()[:_KEY_DIGITS]
        height, width = self.grid
        return f"{self.model}-{height}x{width}-{self.cache}-{self.precision}-{key}.onnx"


def obtain(network: Network, export: Export, folder: Path, *, say: Say | None = None) -> Path:
    """Return the exported file in `folder`, made now if it is not there or is damaged.

    network  in float32, with the weights that `export` names
    say      told of what takes long
    """
    say = say or (lambda _: None)
    path = folder / export.file_name()
    if is_whole(path):
        return path
    if export.precision == "int8":
        fp32 = Export(**vars(export) | {"precision": "fp32"})
        source = obtain(network, fp32, folder, say=say)
        say(f"quantising {source.name} to int8")
        return quantise(source, path)
    height, width = export.grid
    say(f"exporting {export.model} for {height}×{width}, {export.precision}")
    step = step_of(network, export.grid, cache=export.cache, storage=export.storage)
    return export_step(
        step,
        path,
        precision=export.precision,
        model=export.model,
        weights_sha256=export.weights_sha256,
    )


def is_whole(path: Path) -> bool:
    """Tell whether a file is there and is the one that its manifest describes."""
    if not (path.exists() and manifest_path(path).exists()):
        return False
    try:
        check_file(path, read_manifest(path))
    except PlanMismatch:
        return False
    return True


def weights_digest(state_dict: Mapping[str, Tensor]) -> str:
    """Return the sha256 of weights themselves, whatever format they came in."""
    digest = hashlib.sha256()
    for name in sorted(state_dict):
        tensor = state_dict[name].detach().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
