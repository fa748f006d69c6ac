"""How a network becomes a plan: ONNX, TensorRT, manifest, checks. Never runs beside a stream."""
