"""The int8 variant of an exported step, for CPUs: weights of matrix products in 8 bits.

Activations are quantised while it runs ("dynamic"); convolutions, norms and softmax stay float32.
On processors without VNNI, ONNX Runtime may saturate 16-bit sums of such products: compare with
`verify` there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stereocast.engine.artefact import check_file, read_manifest
from stereocast.engine.errors import ConfigError
from stereocast.engine.onnx_runtime import onnx_runtime
from stereocast.export.manifest import Built, write_artefact
from stereocast.export.to_onnx import serialise

_KINDS = ["MatMul", "Gemm"]


def quantise(source: Path, target: Path) -> Path:
    """Write the int8 variant of the fp32 export `source` to `target` and return `target`.

    Inputs, outputs and the memory stay what they are. Raises ConfigError unless `source` is fp32,
    PlanMismatch if it does not fit its manifest.
    """
    import onnx

    onnx_runtime()  # first, for its telemetry
    from onnxruntime.quantization import QuantType, quantize_dynamic

    manifest = read_manifest(source)
    if manifest.precision != "fp32":
        raise ConfigError(f"{source} is {manifest.precision}: int8 is made of an fp32 export")
    check_file(source, manifest)
    model = onnx.shape_inference.infer_shapes(onnx.load(source))
    draft = target.with_name(f".{target.name}.int8")
    try:
        with _quiet():
            quantize_dynamic(
                model,
                draft,
                op_types_to_quantize=_KINDS,
                per_channel=True,
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True},
            )
        smaller = onnx.load(draft)
    finally:
        draft.unlink(missing_ok=True)
    smaller.graph.ClearField("value_info")
    onnx.checker.check_model(smaller)
    facts = {k: v for k, v in vars(manifest).items() if k not in ("sha256", "built_with")}
    built = Built(
        **facts | {"precision": "int8"},
        built_with=("torch", "onnx", "onnxscript", "onnxruntime"),
    )
    return write_artefact(target, serialise(smaller), built)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the advice to infer shapes first: that is done above."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
