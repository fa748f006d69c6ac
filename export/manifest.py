"""Writing a built network: the file, and beside it what it is; each appears whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from stereocast.engine.artefact import Manifest, manifest_path
from stereocast.engine.errors import StereocastError
from stereocast.engine.runner import TensorSpec

_PRIVATE = 0o700


@dataclass(frozen=True)
class Built:
    """What is known of a network before its file is written; fields as in `Manifest`.

    built_with  distributions whose versions are recorded, besides stereocast itself
    """

    model: str
    grid: tuple[int, int]
    cache: str
    precision: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    built_with: tuple[str, ...]
    key: Mapping[str, str] = field(default_factory=dict)

    def manifest(self, content: bytes) -> Manifest:
        """Return the manifest of the file with this content."""
        return Manifest(
            sha256=hashlib.sha256(content).hexdigest(),
            **vars(self) | {"built_with": versions(self.built_with)},
        )


def versions(distributions: tuple[str, ...]) -> dict[str, str]:
    """Return name to version of installed distributions and of stereocast."""
    return {name: version(name) for name in ("stereocast", *distributions)}


def write_artefact(path: Path, content: bytes, built: Built) -> Path:
    """Write a file and its manifest and return `path`. Raises StereocastError where that fails.

    The old manifest goes first and the new one comes last: a file beside a manifest is the one
    that the manifest is about, whenever the power fails.
    """
    manifest = manifest_path(path)
    try:
        private_folder(path.parent)
        manifest.unlink(missing_ok=True)
        write_whole(path, content)
        write_whole(manifest, built.manifest(content).to_json().encode())
    except OSError as error:
        raise StereocastError(f"{path}: cannot write it: {error.strerror}") from None
    return path


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner enters; one that exists stays as it is."""
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears under its name only when it is complete. Raises OSError."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
