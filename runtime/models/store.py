"""The folder of models: for each a folder with its one file and a manifest that says what it is.

    <folder>/vda-small/video_depth_anything_vits.pth
    <folder>/vda-small/manifest.json

A file stands under its name only when it is complete and checked; the manifest comes last, so a
folder without one holds nothing. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stereocast.engine.errors import ModelError
from stereocast.engine.models import MODELS, Output, find

SCHEMA = "stereocast/model/1"
_MANIFEST = "manifest.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ImageNetwork:
    """How to feed a foreign network of one picture.

    input, output  names in its graph; a picture [1, 3, h, w] RGB float32 goes in
    normalise      one of `NORMALISATIONS`
    size           (height, width) that it insists on; None: any multiples of `multiple`
    """

    input: str
    output: str
    normalise: str
    size: tuple[int, int] | None
    multiple: int

    def fitting(self, height: int, width: int) -> tuple[int, int]:
        """Return the size of the picture it takes where (height, width) is wanted, or more."""
        rows, columns = math.ceil(height / self.multiple), math.ceil(width / self.multiple)
        return self.size or (rows * self.multiple, columns * self.multiple)


NORMALISATIONS = {
    "0..1": "RGB from 0 to 1",
    "-1..1": "RGB from -1 to 1",
    "0..255": "RGB from 0 to 255",
    "imagenet": "RGB from 0 to 1, then minus ImageNet's mean, divided by its deviation",
}
"""What a network may want of its picture."""


@dataclass(frozen=True)
class StoredModel:
    """A model on this machine.

    file     name of the weights or network, in `folder`
    source   where it came from, for people
    network  only for foreign networks (architecture `onnx`)
    """

    folder: Path
    name: str
    architecture: str
    output: Output
    licence: str
    file: str
    sha256: str
    size_bytes: int
    source: str
    encoder: str | None = None
    network: ImageNetwork | None = None

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.file

    def manifest(self) -> dict[str, object]:
        """Return what is written beside the file."""
        facts = {key: value for key, value in asdict(self).items() if key != "folder"}
        return {"schema": SCHEMA, **facts}


class ModelStore:
    """The models in one folder, which appears with the first of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Return the names of all models here, complete or damaged."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"*/{_MANIFEST}")))

    def get(self, name: str) -> StoredModel:
        """Return the model called `name`, whose file is there and as long as it should be.

        Raises ModelError that names the command which brings the model.
        """
        place = self.place(name)
        if not (place / _MANIFEST).is_file():
            raise ModelError(_absent(name))
        stored = _read(place)
        size = stored.path.stat().st_size if stored.path.is_file() else None
        if size != stored.size_bytes:
            found = "is gone" if size is None else f"has {size} bytes instead of"
            raise ModelError(
                f"{name}: {stored.path} {found}{'' if size is None else f' {stored.size_bytes}'}; "
                f"run 'stereocast models remove {name}' and fetch it again"
            )
        return stored

    def verify(self, name: str) -> StoredModel:
        """Return the model like `get`, after reading its whole file; ModelError if it changed."""
        stored = self.get(name)
        digest = file_sha256(stored.path)
        if digest != stored.sha256:
            raise ModelError(
                f"{name}: {stored.path} has changed: its sha256 is {digest}, not {stored.sha256}; "
                f"run 'stereocast models remove {name}' and fetch it again"
            )
        return stored

    def place(self, name: str) -> Path:
        """Return the folder of a model, there or not; raise ModelError for an impossible name."""
        if not _NAME.fullmatch(name):
            raise ModelError(
                f"'{name}' cannot name a model: use small letters, digits, '-', '_' and '.'"
            )
        return self.folder / name

    def unfinished(self, name: str, file: str) -> Path:
        """Return where a file grows until `commit`; its folder exists afterwards."""
        place = self.place(name)
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"cannot make the folder {place}: {error.strerror}") from None
        return place / f".{file}.partial"

    def commit(self, stored: StoredModel) -> StoredModel:
        """Give the finished file its name and write the manifest."""
        manifest = stored.folder / _MANIFEST
        draft = stored.folder / f".{_MANIFEST}.partial"
        try:
            manifest.unlink(missing_ok=True)
            os.replace(self.unfinished(stored.name, stored.file), stored.path)
            draft.write_text(json.dumps(stored.manifest(), indent=2) + "\n", encoding="utf-8")
            os.replace(draft, manifest)
        except OSError as error:
            raise ModelError(f"cannot write {stored.folder}: {error.strerror}") from None
        return stored

    def remove(self, name: str) -> int:
        """Delete a model and what is left of unfinished ones; return the bytes set free."""
        place = self.place(name)
        if not place.is_dir():
            raise ModelError(f"there is no model '{name}' in {self.folder}")
        size = sum(path.lstat().st_size for path in place.rglob("*") if not path.is_dir())
        try:
            shutil.rmtree(place)
        except OSError as error:
            raise ModelError(f"cannot remove {place}: {error.strerror}") from None
        return size


def file_sha256(path: Path) -> str:
    """Return the digest of a file; raise ModelError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None


def _absent(name: str) -> str:
    if any(entry.name == name for entry in MODELS):
        entry = find(name)
        if entry.file is None:
            return f"{name} is built in and has no file"
        accept = " --accept-licence" if entry.needs_acceptance else ""
        return (
            f"the weights of {name} are not on this machine: "
            f"run 'stereocast models pull {name}{accept}'"
        )
    return f"there is no model '{name}' here: see 'stereocast models list'"


def _read(place: Path) -> StoredModel:
    path = place / _MANIFEST
    try:
        facts: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if facts["schema"] != SCHEMA or facts["name"] != place.name or "/" in facts["file"]:
            raise ValueError("it is of another model or another version")
        rest = {key: value for key, value in facts.items() if key != "schema"}
        network = rest.pop("network", None)
        if network is not None:
            size = network.pop("size")
            network = ImageNetwork(size=None if size is None else (size[0], size[1]), **network)
        rest["output"] = Output(rest["output"])
        return StoredModel(folder=place, network=network, **rest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}); "
            f"run 'stereocast models remove {place.name}' and fetch it again"
        ) from None
