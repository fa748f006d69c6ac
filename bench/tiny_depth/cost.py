"""What a frame costs on one CPU thread: scaling, motion, the network in ONNX Runtime, memory."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from stereocast.bench.tiny_depth.methods import GRID
from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.depth.tiny import TinyDepth, TinyStage, TinyStep
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.export.to_onnx import export_step
from stereocast.export.verify import moving_pictures

FRAMES = 60
FRAME_SIZE = (720, 1280)
_FIRST = 8  # frames until everything is warm


def run(network: TinyDepth) -> dict[str, object]:
    """Return the median and the least CPU time of a frame of 1280×720, ms, at 140×252."""
    frames = [
        torch.nn.functional.interpolate(frame[None].float(), FRAME_SIZE)[0].to(torch.uint8)
        for frame in moving_pictures(FRAMES)
    ]
    with TemporaryDirectory() as folder:
        path = export_step(TinyStep(network, GRID), Path(folder) / "tiny.onnx", model="tiny")
        stage = TinyStage(OnnxRunner(path), frame_size=FRAME_SIZE)
        state, spent = stage.init(), []
        for frame in frames:
            begun = time.process_time()
            state, _ = stage.step(state, DepthInput(frame, torch.tensor([1 / 30])))
            spent.append((time.process_time() - begun) * 1e3)
    return {
        "frames": FRAMES,
        "cpu_ms_median": statistics.median(spent[_FIRST:]),
        "cpu_ms_least": min(spent[_FIRST:]),
    }
