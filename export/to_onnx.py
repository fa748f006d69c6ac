"""A streaming step as one ONNX file: static shapes, strongly typed, the same bytes every time.

What is not here: where files are kept (`store`), the int8 variant (`quantise`).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from stereocast.engine.errors import ConfigError
from stereocast.export.manifest import Built, write_artefact
from stereocast.export.operators import translations
from stereocast.export.steps import Step, halved

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
EXPORTER = 1
"""Increase it when the same step would become another file: it is part of the cache's keys."""

Precision = Literal["fp32", "fp16"]
_NOISY_LOGGER = "torch.onnx._internal.exporter._registration"


def export_step(
    step: Step, path: Path, *, precision: Precision = "fp32", model: str = "a network",
    weights_sha256: str = "unknown",
) -> Path:  # fmt: skip
    """Write `step` to `path`, with its manifest beside it, and return `path`.

    step       in float32; it is not changed. Its storage stays what it is
    precision  fp16: all weights and arithmetic, but softmax, norms and the last convolutions
    model, weights_sha256  what the manifest says of the network

    Inputs and outputs are named by `step.input_specs()` and `step.output_specs()`. The file appears
    under its name only when it is complete. Raises ConfigError for an unknown precision.
    """
    if precision not in ("fp32", "fp16"):
        raise ConfigError(f"export: precision '{precision}' is not one of fp32, fp16")
    if precision == "fp16":
        step = halved(step)
    built = Built(
        model=model,
        grid=step.grid,
        cache=step.cache,
        precision=precision,
        inputs=step.input_specs(),
        outputs=step.output_specs(),
        built_with=("torch", "onnx", "onnxscript"),
        key={
            "opset": str(OPSET),
            "exporter": str(EXPORTER),
            "weights_sha256": weights_sha256,
            "storage": str(step.storage).removeprefix("torch."),
        },
    )
    return write_artefact(path, serialise(to_model(step)), built)


def to_model(step: Step) -> ModelProto:
    """Return `step`, in whatever precision it is, as a checked ONNX model."""
    import onnx

    inputs, outputs = step.input_specs(), step.output_specs()
    example = tuple(torch.zeros(spec.shape, dtype=spec.dtype) for spec in inputs)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            step,
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=[spec.name for spec in inputs],
            output_names=[spec.name for spec in outputs],
            custom_translation_table=translations(),
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _strip(model)
    onnx.checker.check_model(model)
    return model


def serialise(model: ModelProto) -> bytes:
    """Return the same bytes for the same model."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _strip(model: ModelProto) -> None:
    """Remove what tells where and by which source lines the model was made."""
    graph = model.graph
    for described in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        described.ClearField("doc_string")
        described.ClearField("metadata_props")
    graph.ClearField("value_info")
    graph.name = "streaming_step"


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter says of packages that it could use and of its own old calls."""
    logger = logging.getLogger(_NOISY_LOGGER)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`isinstance", FutureWarning)
            yield
    finally:
        logger.setLevel(before)
