"""Local checkpoints: read without running anything in them, recognised, and taken into the store.

A PyTorch file is a pickle, which may contain code; only tensors are read from it. Needs torch, but
only when called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stereocast.engine.errors import ModelError, WeightsError
from stereocast.engine.models import MODELS, ModelEntry, Output, find_by_sha256
from stereocast.runtime.models.store import ModelStore, StoredModel, file_sha256

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".pth", ".pt", ".safetensors")
_LARGEST_BYTES = 8 << 30


@dataclass(frozen=True)
class ImportOptions:
    """What the user says of a file.

    name            what it shall be called; None: the name of the known model it is
    output          what its depth means; None: as the known file, or by the official file name
    accept_licence  the user agrees to a licence that needs it
    """

    name: str | None = None
    output: Output | None = None
    accept_licence: bool = False


def read_state_dict(path: Path, *, device: str = "cpu") -> Mapping[str, Tensor]:
    """Return the tensors of a checkpoint by name; on "meta" only their shapes, and at once.

    Raises ModelError for anything that is not a plain table of tensors.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            return _safetensors(path, device)
        table = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # a broken pickle or zip can raise anything
        raise ModelError(
            f"{path} is not a checkpoint of nothing but tensors ({type(error).__name__}); "
            f"other content is never loaded, because it could run code"
        ) from error
    if not isinstance(table, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in table.items()
    ):
        raise ModelError(f"{path} is not a plain table of names and tensors; save it as one")
    return table


def import_checkpoint(
    path: Path, store: ModelStore, options: ImportOptions | None = None
) -> StoredModel:
    """Copy a Video-Depth-Anything checkpoint into the store, once it is known to fit the network.

    Raises ModelError or WeightsError in one line that says what is wrong with it.
    """
    options = options or ImportOptions()
    _check_file(path)
    digest = file_sha256(path)
    encoder = _recognise(path)
    known = find_by_sha256(digest)
    if known is not None and known.needs_acceptance and not options.accept_licence:
        raise ModelError(
            f"{path} is {known.name}, under {known.licence}, which forbids commercial use: "
            f"if that is all right, add --accept-licence"
        )
    output = options.output or (known.output if known else _output_by_name(path))
    entry = known or next(e for e in MODELS if (e.encoder, e.output) == (encoder, output))
    stored = StoredModel(
        folder=store.place(options.name or entry.name),
        name=options.name or entry.name,
        architecture="vda",
        output=output,
        licence=known.licence if known else "unknown",
        file=path.name,
        sha256=digest,
        size_bytes=path.stat().st_size,
        source=_source(known, path),
        encoder=encoder,
    )
    _check_name(stored, entry)
    return take(path, store, stored)


def take(path: Path, store: ModelStore, stored: StoredModel) -> StoredModel:
    """Copy `path` into the store as `stored`; raise ModelError if it changes meanwhile."""
    if stored.name in store.names():
        raise ModelError(
            f"there is a model '{stored.name}' already: "
            f"run 'stereocast models remove {stored.name}' first, or choose another --name"
        )
    partial = store.unfinished(stored.name, stored.file)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source, partial.open("wb") as target:
            while block := source.read(1 << 20):
                digest.update(block)
                target.write(block)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ModelError(f"cannot copy {path} to {partial}: {error.strerror}") from None
    if digest.hexdigest() != stored.sha256:
        partial.unlink()
        raise ModelError(f"{path} changed while it was read; import it again")
    return store.commit(stored)


def _safetensors(path: Path, device: str) -> dict[str, Tensor]:
    import torch
    from safetensors import safe_open

    if device != "meta":
        with safe_open(path, framework="pt", device=device) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    with safe_open(path, framework="pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file")
    if path.suffix not in SUFFIXES:
        raise ModelError(f"{path}: a checkpoint is one of {', '.join(SUFFIXES)}, or .onnx")
    if path.stat().st_size > _LARGEST_BYTES:
        raise ModelError(f"{path} has more than {_LARGEST_BYTES >> 30} GiB: no model we know has")


def _recognise(path: Path) -> str:
    """Return the encoder whose network takes exactly these weights."""
    from stereocast.engine.depth.vda import build
    from stereocast.engine.depth.vda.architecture import ARCHITECTURES

    table = read_state_dict(path, device="meta")
    token = table.get("pretrained.cls_token")
    dim = token.shape[-1] if token is not None and token.dim() else 0
    encoder = next((name for name, sizes in ARCHITECTURES.items() if sizes.dim == dim), None)
    if encoder is None:
        begin = ", ".join(sorted(table)[:3]) or "nothing"
        raise ModelError(
            f"{path} is no Video-Depth-Anything checkpoint: it has {len(table)} tensors "
            f"({begin} …); other networks can be imported as .onnx"
        )
    try:
        build(encoder, table)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    return encoder


def _output_by_name(path: Path) -> Output:
    """Read the kind of depth off the official file names; nothing in the files tells it."""
    if path.stem.startswith("metric_video_depth_anything"):
        return Output.METRIC_DEPTH
    if path.stem.startswith("video_depth_anything"):
        return Output.RELATIVE_INVERSE
    kinds = " or ".join(Output)
    raise ModelError(f"{path}: nothing in it says what its depth means: add --output {kinds}")


def _source(known: ModelEntry | None, path: Path) -> str:
    if known is not None and known.file is not None:
        return f"{known.file.repository}@{known.file.revision}"
    return f"imported from {path.name}"


def _check_name(stored: StoredModel, entry: ModelEntry) -> None:
    """Refuse a known model's name for what is not that model."""
    named = next((e for e in MODELS if e.name == stored.name), None)
    if named is not None and named != entry:
        raise ModelError(
            f"'{stored.name}' is the name of another model: this one is a {entry.name}; "
            f"choose another --name"
        )
