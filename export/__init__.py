"""How a network becomes a file that other runtimes execute: ONNX, int8, TensorRT plans.

to_onnx   a streaming step as ONNX          quantise  its int8 variant for CPUs
to_plan   an ONNX file as a TensorRT plan   store     exports kept in a cache, made once
verify    a runner against PyTorch          manifest  what is written beside every file

Nothing here runs while a stream runs.
"""
