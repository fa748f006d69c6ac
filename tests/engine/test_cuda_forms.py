"""Every operation of every composition has a CUDA form: walked on a device that computes nothing.

Launches are held against the kernels' signatures as a GPU's loader would; what launches
nothing runs in PyTorch there, and must stand in `IN_TORCH` with the reason.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from stereocast.bench.depth import random_network
from stereocast.engine.depth import vda
from stereocast.engine.depth.keyed import KeyedDepth
from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.stage import DepthStage
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.depth.tiny import TinyDepth, TinyStage, TinyStep
from stereocast.engine.layout import Layout
from stereocast.engine.models import Output
from stereocast.engine.packing import FormatsConfig
from stereocast.engine.pipeline import Input
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork
from stereocast.engine.refine.stage import TemporalRefiner
from stereocast.engine.runner import TorchRunner
from stereocast.engine.session import EngineConfig, Session
from stereocast.engine.stage import tensors_of
from stereocast.engine.stereo import StereoConfig
from stereocast.kernels import (
    disparity,
    fill,
    flow,
    formats,
    memory,
    pack,
    preprocess,
    refine,
    scan,
    warp,
)
from stereocast.kernels import prime as prime_kernels
from stereocast.kernels.launch import launching
from stereocast.runtime.config import load
from tests.cuda_on_cpu.launcher import Recorder
from tests.fake_device import absent_device, no_host_data

SIZE, GRID = (48, 330), (42, 56)
META = torch.device("meta")
IN_TORCH = {
    "grey": "three products and sums, fused by nobody's loss",
    "robust_line": "sums over some thousand samples",
    "slope": "two differences",
    "teacher_variance": "one expression",
    "variance_after_reset": "one expression",
    "weighted_median": "torch sorts on a GPU; the native form selects by bits",
}
"""Operations that have no kernel of their own on a GPU, and why none is missed."""


@dataclass(frozen=True)
class Composition:
    """What a stream can be made of."""

    depth: str = "prior"
    refine: str = "off"
    stereo: StereoConfig = field(default_factory=StereoConfig)
    layout: Layout = Layout.FULL_SBS
    formats: FormatsConfig = field(default_factory=FormatsConfig)
    is_stamped: bool = False


def compositions() -> Iterator[tuple[str, Composition]]:
    """Yield a plain stream, and streams that differ from it in one thing."""
    yield "plain", Composition()
    for depth in ("keyed prior", "tiny", "keyed tiny", "vda"):
        yield depth, Composition(depth=depth)
    for mode in ("classic", "mamba", "none"):
        yield f"refine {mode}", Composition(refine=mode)
    yield "metric", Composition(depth="metric", refine="classic")
    for layout in list(Layout)[1:]:
        yield str(layout), Composition(layout=layout)
    for name in ("gray", "wimmer"):
        kind = FormatsConfig(anaglyph=name)
        yield f"anaglyph {name}", Composition(layout=Layout.ANAGLYPH, formats=kind)
    heat = FormatsConfig(depth_colours="heat")
    yield "heat", Composition(layout=Layout.RGB_DEPTH, formats=heat)
    for name, value in (
        ("fill_level", 1), ("memory", False), ("steady", False), ("bars", False), ("balance", 1.0),
        ("balance", 0.0), ("convergence", 0.3),
    ):  # fmt: skip
        yield f"{name} {value}", Composition(stereo=replace(StereoConfig(), **{name: value}))
    yield "barcode", Composition(is_stamped=True)
    for file in sorted((Path(__file__).parents[2] / "configs").glob("*.toml")):
        config = load(Path(file.stem))
        model = {"prior": "prior", "tiny": "tiny"}.get(config.depth.model, "vda")
        mode = config.refine.core if config.refine.mode == "net" else config.refine.mode
        yield f"profile {file.stem}", Composition(model, mode, config.stereo)


WALKS = dict(compositions())
QUICK = "refine mamba"


def depth_of(name: str) -> DepthStage[Any]:
    kind = name.removeprefix("keyed ")
    stage: DepthStage[Any]
    if kind == "prior":
        stage = PriorDepth(GRID, frame_size=SIZE)
    elif kind == "tiny":
        step = TinyStep(TinyDepth(), GRID)
        for part in (*step.parameters(), *step.buffers()):  # `halved` copies, and cannot here
            if part.is_floating_point():
                part.data = part.data.half()
        step.dtype = torch.float16
        runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
        stage = TinyStage(runner, frame_size=SIZE, device=META)
    else:
        output = Output.METRIC_DEPTH if kind == "metric" else Output.RELATIVE_INVERSE
        half = vda.halve(
            vda.StreamingStep(random_network(), (28, 42), cache="u", storage=torch.float16)
        )
        runner = TorchRunner(half, inputs=half.input_specs(), outputs=half.output_specs())
        on = vda.DepthStage.on(runner, frame_size=SIZE, device=META)
        stage = StreamedDepth(on, output=output)
    return KeyedDepth(stage) if name.startswith("keyed") else stage


def session(what: Composition) -> Session:
    depth, refiner = depth_of(what.depth), None
    if what.refine in ("mamba", "none"):
        network = RefineNetwork(what.refine).requires_grad_(False)
        config = RefineConfig(mode="net", core=what.refine)
        refiner = TemporalRefiner(config, depth.grid, depth_output=depth.output, corrector=network)
    else:
        config = RefineConfig(mode=what.refine)
    engine = EngineConfig(refine=config, stereo=what.stereo, formats=what.formats)
    return Session(SIZE, engine, layout=what.layout, depth=depth, refine=refiner)


class Calls:
    """Operations as the engine calls them, each with the kernels it launched."""

    def __init__(self, recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
        self.launched: dict[str, set[str]] = {}
        self._recorder = recorder
        operations = {
            id(call): call
            for op in (disparity, fill, flow, formats, memory, pack, preprocess, prime_kernels,
                       refine, scan, warp)
            for name, call in vars(op).items()
            if callable(call) and getattr(call, "__module__", "").startswith(op.__name__)
            and not isinstance(call, type) and not name.startswith("_")
        }  # fmt: skip
        for module in [m for n, m in sys.modules.items() if n.startswith("stereocast.engine")]:
            for name, value in list(vars(module).items()):
                if id(value) in operations:
                    patch.setattr(module, name, self._watched(value))

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def watched(*args: Any, **named: Any) -> Any:
            before = len(self._recorder.launches)
            result = call(*args, **named)
            if any(isinstance(each, torch.Tensor) for each in _leaves((args, named, result))):
                kernels = {launch.kernel for launch in self._recorder.launches[before:]}
                self.launched.setdefault(call.__name__, set()).update(kernels)
            return result

        return watched


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n != QUICK)) for n in WALKS]
)
def test_every_operation_of_a_stream_has_a_cuda_form(name, monkeypatch):
    what, recorder = WALKS[name], Recorder()
    calls = Calls(recorder, monkeypatch)
    with torch.no_grad(), absent_device(), launching(recorder):
        pipeline = session(what)._pipeline
        state = pipeline.init()
        calls.launched.clear()
        strip = torch.zeros(2, dtype=torch.int64) if what.is_stamped else None
        frame = torch.zeros(3, *SIZE, dtype=torch.uint8)
        with no_host_data():
            for number in range(2):
                between = what.depth.startswith("keyed") and number == 1
                x = Input(frame, torch.zeros(4), torch.zeros(1), strip, between)
                state, result = pipeline.step(
                    state, x, reset_on=lambda cut, old: old, mark=lambda _: None
                )
    assert {tensor.device.type for tensor in tensors_of(state)} == {"meta"}
    assert result.surface.device.type == "meta"
    without = {call for call, kernels in calls.launched.items() if not kernels}
    assert without <= set(IN_TORCH), f"on a GPU these would run without a kernel: {without}"
    assert "warp_eyes" in calls.launched
