"""Foreign single-picture depth networks in ONNX: checked, tried out, and taken into the store.

What comes in is not trusted: its size is limited, it may use no operators but the standard ones,
and its weights may lie nowhere but beside it. Then it really runs once. Needs onnx and onnxruntime,
but only when called.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stereocast.engine.errors import ModelError
from stereocast.engine.models import MODELS, Output
from stereocast.engine.onnx_runtime import onnx_runtime
from stereocast.runtime.models.checkpoint import take
from stereocast.runtime.models.store import (
    NORMALISATIONS,
    ImageNetwork,
    ModelStore,
    StoredModel,
    file_sha256,
)

if TYPE_CHECKING:
    from onnx import ModelProto

LARGEST_BYTES = 1900 << 20
"""With its weights; one ONNX file cannot hold more than 2 GiB."""

_MOST_NODES = 50_000
_STANDARD_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
_LARGEST_SIDE = 2048
_FLOAT = 1  # TensorProto.FLOAT


@dataclass(frozen=True)
class NetworkDeclaration:
    """What the user says of a network, because no file says it.

    name       what it shall be called
    output     what its depth means
    normalise  what it wants of its picture, one of `NORMALISATIONS`
    multiple   its input's height and width must be multiples of this, where they are free
    licence    SPDX identifier, for the record
    """

    name: str
    output: Output
    normalise: str
    multiple: int = 32
    licence: str = "unknown"

    def __post_init__(self) -> None:
        if self.normalise not in NORMALISATIONS:
            known = ", ".join(NORMALISATIONS)
            raise ModelError(f"--normalise is one of {known}, not '{self.normalise}'")
        if not 1 <= self.multiple <= 256:
            raise ModelError(f"--multiple is 1 to 256, not {self.multiple}")
        if any(entry.name == self.name for entry in MODELS):
            raise ModelError(f"'{self.name}' is the name of another model; choose another --name")


def import_network(path: Path, store: ModelStore, declared: NetworkDeclaration) -> StoredModel:
    """Copy a network into the store, with its weights in one file, once it has really run.

    It takes one picture [1, 3, h, w] float32 and returns one map of depth, of any size. Raises
    ModelError in one line that says what is wrong with it.
    """
    with tempfile.TemporaryDirectory(prefix="stereocast-import-") as folder:
        whole = _in_one_file(path, Path(folder))
        network = _signature(path, whole, declared)
        _try_out(path, whole, network)
        stored = StoredModel(
            folder=store.place(declared.name),
            name=declared.name,
            architecture="onnx",
            output=declared.output,
            licence=declared.licence,
            file=path.name,
            sha256=file_sha256(whole),
            size_bytes=whole.stat().st_size,
            source=f"imported from {path.name}",
            network=network,
        )
        return take(whole, store, stored)


def _in_one_file(path: Path, folder: Path) -> Path:
    """Return a checked file that holds the network with its weights: `path` itself, if it does."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    if not path.is_file():
        raise ModelError(f"{path}: there is no such file")
    if path.stat().st_size > LARGEST_BYTES:
        raise ModelError(f"{path} has more than {LARGEST_BYTES >> 20} MiB")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # whatever the parser raises for bytes that are no ONNX
        raise ModelError(f"{path} is not an ONNX file ({type(error).__name__})") from error
    _check_operators(path, model)
    outside = _external_files(path, model)
    whole = path
    if outside:
        size = sum(file.stat().st_size for file in outside)
        if size + path.stat().st_size > LARGEST_BYTES:
            raise ModelError(f"{path} has more than {LARGEST_BYTES >> 20} MiB with its weights")
        whole = folder / "whole.onnx"
    try:
        if outside:
            load_external_data_for_model(model, str(path.parent))
            onnx.save(model, whole)
        onnx.checker.check_model(str(whole), full_check=True)
    except Exception as error:  # the checker and the loader have many kinds
        raise ModelError(f"{path} is not a valid network: {_first_line(error)}") from error
    return whole


def _check_operators(path: Path, model: ModelProto) -> None:
    nodes = [node for graph in _graphs(model.graph) for node in graph.node]
    if len(nodes) > _MOST_NODES:
        raise ModelError(f"{path} has {len(nodes)} nodes; at most {_MOST_NODES} are taken")
    own = {(function.domain, function.name) for function in model.functions}
    for node in nodes:
        if node.domain not in _STANDARD_DOMAINS and (node.domain, node.op_type) not in own:
            raise ModelError(
                f"{path} uses the operator {node.domain}::{node.op_type}, which needs code that "
                f"ONNX Runtime does not have; export it with standard operators"
            )


def _graphs(graph: Any) -> list[Any]:
    """Return the graph and all graphs in its nodes (branches and loop bodies)."""
    found = [graph]
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                found.extend(_graphs(inner))
    return found


def _external_files(path: Path, model: ModelProto) -> set[Path]:
    """Return the files beside `path` that hold its weights; ModelError for any other place."""
    home = path.parent.resolve()
    files = set()
    for tensor in _tensors(model):
        for entry in tensor.external_data:
            if entry.key != "location":
                continue
            file = (home / entry.value).resolve()
            if not file.is_relative_to(home) or Path(entry.value).is_absolute():
                raise ModelError(f"{path} wants weights from outside its folder: {entry.value}")
            if not file.is_file():
                raise ModelError(f"{path} needs {entry.value} beside it, and it is not there")
            files.add(file)
    return files


def _tensors(model: ModelProto) -> list[Any]:
    graphs = _graphs(model.graph)
    found = [tensor for graph in graphs for tensor in graph.initializer]
    for nodes in (*(graph.node for graph in graphs), *(f.node for f in model.functions)):
        for node in nodes:
            for attribute in node.attribute:
                found.extend(attribute.tensors)
                if attribute.HasField("t"):
                    found.append(attribute.t)
    return found


def _signature(path: Path, whole: Path, declared: NetworkDeclaration) -> ImageNetwork:
    """Read the names and sizes of the one input and the first output."""
    import onnx

    graph = onnx.load(whole, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1 or not graph.output:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ModelError(f"{path}: one input, the picture, is wanted; it has {names}")
    kind = inputs[0].type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    if kind.elem_type != _FLOAT or len(dims) != 4 or dims[0] not in (None, 1) or dims[1] != 3:
        raise ModelError(
            f"{path}: its input '{inputs[0].name}' must be float32 [1, 3, h, w], it is {dims}"
        )
    height, width = dims[2:]
    size = None if height is None or width is None else (height, width)
    if size is not None and not all(1 <= side <= _LARGEST_SIDE for side in size):
        raise ModelError(f"{path}: its picture is {size}; at most {_LARGEST_SIDE} are taken")
    return ImageNetwork(
        inputs[0].name, graph.output[0].name, declared.normalise, size, declared.multiple
    )


def _try_out(path: Path, whole: Path, network: ImageNetwork) -> None:
    """Run the network on a made-up picture, in two sizes where it is free; check what comes."""
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    sizes = sorted({network.fitting(140, 252), network.fitting(196, 196)})
    try:
        session = onnxruntime.InferenceSession(
            str(whole), options, providers=["CPUExecutionProvider"]
        )
        depths = [
            session.run([network.output], {network.input: _picture(size, network.normalise)})[0]
            for size in sizes
        ]
    except Exception as error:  # ONNX Runtime has a dozen kinds without a common base
        raise ModelError(f"{path} does not run: {_first_line(error)}") from error
    for size, depth in zip(sizes, depths, strict=True):
        _check_depth(path, size, np.asarray(depth))


def _picture(size: tuple[int, int], normalise: str) -> NDArray[np.float32]:
    """Make up a picture [1, 3, h, w] that is not flat, in about the range that is wanted."""
    height, width = size
    noise = np.random.default_rng(0).random((1, 3, height, width), dtype=np.float32)
    picture = 0.3 * noise + 0.7 * np.linspace(0, 1, height, dtype=np.float32)[:, None]
    low, high = {"-1..1": (-1, 1), "0..255": (0, 255), "imagenet": (-2, 2)}.get(normalise, (0, 1))
    return (low + (high - low) * picture).astype(np.float32)


def _check_depth(path: Path, size: tuple[int, int], depth: NDArray[Any]) -> None:
    shape = [side for side in depth.shape if side != 1]
    if len(shape) != 2:
        raise ModelError(f"{path} returns {list(depth.shape)} for a picture of {size}, not one map")
    if not np.isfinite(depth).all():
        raise ModelError(f"{path} returns numbers that are not finite for an ordinary picture")
    if float(depth.max()) <= float(depth.min()):
        raise ModelError(f"{path} returns the same depth everywhere; is --normalise right?")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
