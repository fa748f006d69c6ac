"""The built-in network on a GPU that is not there: nothing is asked of the host."""

from __future__ import annotations

import torch

from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.depth.tiny import TinyDepth, TinyStage, TinyStep
from stereocast.engine.runner import TorchRunner
from stereocast.engine.stage import tensors_of
from stereocast.kernels.launch import launching
from tests.cuda_on_cpu.launcher import Recorder
from tests.fake_device import absent_device, no_host_data


def test_a_step_stays_on_its_device_and_launches_the_motion():
    recorder = Recorder()
    with absent_device(), launching(recorder):
        step = TinyStep(TinyDepth(), (42, 56))
        runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
        stage = TinyStage(runner, frame_size=(34, 46), device=torch.device("meta"))
        state = stage.init()
        x = DepthInput(torch.zeros(3, 34, 46, dtype=torch.uint8), torch.zeros(1))
        with no_host_data():
            for _ in range(2):
                state, depth = stage.step(state, x)
    assert {tensor.device.type for tensor in tensors_of(state)} == {"meta"}
    assert depth.device.type == "meta" and depth.shape == (42, 56)
    assert any("flow" in name for name in recorder.kernels)
