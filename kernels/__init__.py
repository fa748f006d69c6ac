"""Pixel operations: pure functions on tensors, each with a reference, a native CPU and later a CUDA form.

Nothing here knows a frame, a configuration or a stream.
"""
