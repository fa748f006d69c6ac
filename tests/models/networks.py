"""Little ONNX networks, good and bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def network(
    path: Path, *, sides: tuple[object, object] = ("H", "W"), scale: float = 2.0,
    op: str = "Mul", domain: str = "", channels: int = 3,
) -> Path:  # fmt: skip
    """A network that returns the mean of the channels times `scale`."""
    weight = numpy_helper.from_array(np.array([scale], np.float32), "scale")
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1], keepdims=1),
        helper.make_node(op, ["grey", "scale"], ["depth"], domain=domain),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, *sides])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, 1, *sides])],
        [weight],
    )
    opsets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def outside(path: Path, location: str) -> Path:
    """Move the network's weight into another file, by name."""
    model = onnx.load(network(path))
    tensor = model.graph.initializer[0]
    raw = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(len(raw))}.items():
        tensor.external_data.add(key=key, value=value)
    onnx.save(model, path)
    return path
