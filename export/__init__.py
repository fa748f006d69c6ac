"""How a network becomes a plan: ONNX, TensorRT, manifest, verification. Never runs beside a stream."""
