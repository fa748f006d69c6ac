"""How two PyTorch operators are written in ONNX where the exporter's own way costs speed or range.

Opset 18 has neither, so each is a few standard operators, which every runtime takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_SQRT_2 = 1.4142135623730951


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return what torch.onnx.export is told to use instead of its own translations."""
    return {
        torch.ops.aten.gelu.default: gelu,
        torch.ops.aten.scaled_dot_product_attention.default: attention,
    }


def gelu(x: Any, approximate: str = "none") -> Any:
    """Write the exact GELU in the order of factors that ONNX Runtime fuses to one operator.

    The exporter's own order stays four operators: 4 % of a frame of vits at 140×252.
    """
    op = _opset()
    _only(approximate == "none", "GELU by tanh")
    half, one, root = (op.CastLike(value, x) for value in (0.5, 1.0, _SQRT_2))
    return op.Mul(op.Mul(x, op.Add(op.Erf(op.Div(x, root)), one)), half)


def attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """Write attention [B, heads, tokens, d] with a softmax in float32, whatever its input is."""
    from onnxscript import FLOAT

    op = _opset()
    plain = attn_mask is None and dropout_p == 0.0 and not is_causal and not enable_gqa
    _only(plain, "attention with mask, dropout or groups")
    _only(scale == 1.0, "attention with a scale; fold it into the queries")
    scores = op.MatMul(query, op.Transpose(key, perm=[0, 1, 3, 2]))
    shares = op.Softmax(op.Cast(scores, to=FLOAT.dtype), axis=-1)
    return op.MatMul(op.CastLike(shares, query), value)


def _opset() -> Any:
    """Return the operators; their own annotations know neither numbers nor what operators give."""
    from onnxscript import opset18

    return opset18


def _only(holds: bool, what: str) -> None:
    if not holds:
        raise NotImplementedError(f"the export has no {what}")
