"""What is built from a network lies in a file with a manifest beside it; here both are read.

Writing manifests is the business of export/. Nothing here knows a runtime or a model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from stereocast.engine.errors import PlanMismatch
from stereocast.engine.runner import TensorSpec

SCHEMA = "stereocast/artefact/1"
_CHUNK_BYTES = 1 << 20
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float16, torch.float32, torch.float64, torch.int64, torch.int32)
}


@dataclass(frozen=True)
class Manifest:
    """What a built network is, and of which very file that is said.

    sha256     of the file
    model      name of the network
    grid       (h, w) pixels of its input
    cache      kind of row that it remembers
    precision  fp32, fp16 or int8
    inputs, outputs  in the order of the network
    built_with name to version of the programs that wrote the file
    key        what else the file depends on, name to value: weights, or TensorRT and its targets
    """

    sha256: str
    model: str
    grid: tuple[int, int]
    cache: str
    precision: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    built_with: Mapping[str, str] = field(default_factory=dict)
    key: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the manifest as text, the same text for the same manifest."""
        document = asdict(self) | {"schema": SCHEMA}
        for side in ("inputs", "outputs"):
            document[side] = [
                {"name": s.name, "shape": list(s.shape), "dtype": _name(s.dtype)}
                for s in getattr(self, side)
            ]
        return json.dumps(document, indent=2, sort_keys=True) + "\n"


def manifest_path(file: Path) -> Path:
    """Return where the manifest of `file` lies."""
    return file.with_name(file.name + ".json")


def read_manifest(file: Path) -> Manifest:
    """Read the manifest beside `file`. Raises PlanMismatch if it is absent or unreadable."""
    path = manifest_path(file)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _manifest(document)
    except OSError as error:
        raise PlanMismatch(f"{file}: cannot read its manifest {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanMismatch(
            f"{path}: this is no manifest of schema {SCHEMA} ({error!r}): export the model again"
        ) from None


def check_file(file: Path, manifest: Manifest) -> None:
    """Raise PlanMismatch unless `file` is the very one that the manifest describes."""
    found = sha256_of(file)
    if found != manifest.sha256:
        raise PlanMismatch(
            f"{file} was changed or cut short since it was written: its sha256 begins with "
            f"{found[:12]}, the manifest says {manifest.sha256[:12]}. Export the model again."
        )


def sha256_of(file: Path) -> str:
    """Return the sha256 of a file's bytes, in hex. Raises PlanMismatch if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise PlanMismatch(f"{file}: cannot read the built network: {error.strerror}") from None
    return digest.hexdigest()


def check_specs(file: Path, side: str, *, found: object, expected: tuple[TensorSpec, ...]) -> None:
    """Raise PlanMismatch unless the tensors found in `file` are those of its manifest."""
    if found != expected:
        assert isinstance(found, tuple)
        odd = [spec for spec in found if spec not in expected] or list(found)
        odd += [spec for spec in expected if spec not in found]
        raise PlanMismatch(
            f"{file}: its {side} differ from those of its manifest, first {odd[0]}: "
            "export the model again"
        )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _manifest(document: dict[str, Any]) -> Manifest:
    if document.get("schema") != SCHEMA:
        raise ValueError(f"schema is {document.get('schema')!r}")
    values = {entry.name: document[entry.name] for entry in fields(Manifest)}
    for side in ("inputs", "outputs"):
        values[side] = tuple(
            TensorSpec(spec["name"], tuple(spec["shape"]), _DTYPES[spec["dtype"]])
            for spec in values[side]
        )
    values["grid"] = tuple(values["grid"])
    return Manifest(**values)
