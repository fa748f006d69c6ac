"""What runs a network on a GPU: a plan of the own cache, one built for it, or PyTorch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from stereocast.engine.depth.tiny import TinyDepth, TinyStep, load_network
from stereocast.engine.errors import ConfigError, MissingDependency, StereocastError
from stereocast.engine.frame import Frame
from stereocast.engine.layout import Layout
from stereocast.engine.plan import Installation, plan_key
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork, RefineStep
from stereocast.engine.session import DepthConfig, EngineConfig
from stereocast.engine.static import Place
from stereocast.export.manifest import Built, write_artefact
from stereocast.export.plans import export_for_plans, kept_plan
from stereocast.export.refiner import refiner_path
from stereocast.runtime.cli import plans
from stereocast.runtime.depth import DepthFiles, open_depth
from stereocast.runtime.gpu import OnGpu, open_on_gpu
from stereocast.runtime.gpu_stages import IN_TENSORRT, IN_TORCH, GpuFiles, Planner
from stereocast.runtime.models.store import ModelStore
from stereocast.runtime.refiner import open_refiner
from tests.fake_tensorrt import Machine, installed

SIZE = (34, 46)
TINY = DepthConfig(model="tiny", height=42, width=56)
HERE = Installation("tensorrt_rtx", "1.7", 89)
CPU = Place(torch.device("cpu"))
"""Static buffers stand in for a graph: what is opened is the same."""


def opened(planner: Planner | None, depth: DepthConfig = TINY, **refine: str) -> OnGpu:
    config = EngineConfig(depth=depth, refine=RefineConfig(**refine))
    files = GpuFiles(ModelStore(Path("nowhere")), planner)
    return open_on_gpu(SIZE, config, Layout.FULL_SBS, place=CPU, files=files)


def no_plan(network: object, name: str, grid: tuple[int, int], must: bool) -> None:
    assert not must
    return None


def on(runner: str) -> DepthConfig:
    return dataclasses.replace(TINY, runner=runner)


def half(network: TinyDepth, grid: tuple[int, int]) -> TinyStep:
    return TinyStep(network, grid).halved()


def test_without_a_plan_pytorch_runs_everything_in_the_graph():
    made = opened(no_plan, mode="net")
    assert made.depth.runner == made.refiner.runner == IN_TORCH
    assert made.depth.report()["model"] == "tiny"
    assert made.notes == ("the engine runs in: static buffers; tiny: PyTorch in the graph",)


@pytest.mark.parametrize("runner", ["auto", "tensorrt"])
def test_a_plan_takes_the_place_of_pytorch(machine, tmp_path, runner):
    asked = []

    def planner(network, name, grid, must):
        asked.append((name, must))
        if isinstance(network, RefineNetwork):
            return machine.plan(tmp_path, RefineStep(network, grid), name)
        return machine.plan(tmp_path, half(network, grid), name)

    config = on(runner)
    made = opened(planner, config, mode="net", runner=runner)
    assert made.depth.runner == made.refiner.runner == IN_TENSORRT
    assert asked == [("tiny", runner == "tensorrt"), ("refiner-mamba", runner == "tensorrt")]
    plain = opened(None, TINY, mode="net")
    dice = torch.Generator().manual_seed(3)
    rgb = torch.randint(0, 256, (3, *SIZE), dtype=torch.uint8, generator=dice)
    for index in range(3):
        frame = Frame(rgb.roll(index, 2).contiguous(), index * 40_000_000, index)
        ours, theirs = made.session.step(frame).surface, plain.session.step(frame).surface
        assert torch.equal(ours, theirs)


def test_torch_looks_at_no_plan():
    def planner(*_: object) -> None:
        raise AssertionError("nobody wants a plan")

    assert opened(planner, on("torch"), runner="torch", mode="net").depth.runner == IN_TORCH


def test_a_plan_that_fails_is_told_and_pytorch_takes_over_unless_it_was_demanded(tmp_path):
    def planner(*_: object) -> Path:
        raise StereocastError("the plan is damaged")

    made = opened(planner)
    assert made.depth.runner == IN_TORCH
    assert "tiny runs in PyTorch: the plan is damaged" in made.notes
    with pytest.raises(StereocastError, match="the plan is damaged"):
        opened(planner, on("tensorrt"))
    with pytest.raises(ConfigError, match="nothing here builds a TensorRT plan of tiny"):
        opened(None, on("tensorrt"))


def test_runners_of_the_other_kind_of_device_are_refused_with_a_remedy():
    with pytest.raises(ConfigError, match=r"depth\.runner = onnx runs on CPUs: choose auto"):
        opened(None, on("onnx"))
    with pytest.raises(ConfigError, match=r"refine\.runner = onnx runs on CPUs"):
        opened(None, mode="net", runner="onnx")
    files = DepthFiles(ModelStore(Path("nowhere")))
    with pytest.raises(ConfigError, match=r"runs on a GPU: --set device\.name=cuda"):
        open_depth(on("tensorrt"), SIZE, files)
    plain = open_depth(on("torch"), SIZE, files)
    assert (plain.runner, plain.notes) == ("PyTorch", ())
    with pytest.raises(ConfigError, match=r"refine\.runner = tensorrt runs on a GPU"):
        open_refiner(RefineConfig(mode="net", runner="tensorrt"), plain)
    with pytest.raises(StereocastError, match="nothing here can export it"):
        open_refiner(RefineConfig(mode="net", runner="onnx"), plain)
    with pytest.raises(ConfigError, match=r"depth\.runner: 'tvm' is not one of auto, torch, onnx"):
        DepthConfig(runner="tvm")
    with pytest.raises(ConfigError, match=r"refine\.runner: 'tvm' is not one of auto, torch"):
        RefineConfig(runner="tvm")


def keep(folder: Path, name: str, sources: dict[str, str], capability: int = 89) -> Path:
    """Write an empty plan made from the exports `sources`, as `build_plan` records it."""
    key = plan_key(sources[name], Installation("tensorrt_rtx", "1.7"), (capability,))
    path = folder / f"{name}-{capability}.plan"
    return write_artefact(path, b"plan", Built(name, (42, 56), "kv", "fp16", (), (), (), key))


def export(folder: Path, path: Path) -> str:
    write_artefact(path, path.name.encode(), Built("x", (42, 56), "kv", "fp16", (), (), ()))
    from stereocast.engine.artefact import sha256_of

    return sha256_of(path)


def test_a_plan_is_found_by_what_it_was_made_from_and_for(tmp_path):
    network, refiner, grid = load_network(), RefineNetwork(), (42, 56)
    assert kept_plan(network, "tiny", grid, tmp_path, HERE) is None
    onnx = tmp_path / export_for_plans(network, "tiny", grid).file_name()
    sources = {
        "tiny": export(tmp_path, onnx),
        "refiner": export(tmp_path, refiner_path(refiner, grid, tmp_path)),
        "other": "0" * 64,
    }
    keep(tmp_path, "tiny", sources, capability=120)
    keep(tmp_path, "other", sources)
    assert kept_plan(network, "tiny", grid, tmp_path, HERE) is None
    ours, theirs = keep(tmp_path, "tiny", sources), keep(tmp_path, "refiner", sources)
    assert kept_plan(network, "tiny", grid, tmp_path, HERE) == ours
    assert kept_plan(refiner, "refiner-mamba", grid, tmp_path, HERE) == theirs
    newer = dataclasses.replace(HERE, version="1.8")
    assert kept_plan(network, "tiny", grid, tmp_path, newer) is None
    assert kept_plan(TinyDepth(), "tiny", grid, tmp_path, HERE) is None
    ours.write_bytes(b"plot")
    assert kept_plan(network, "tiny", grid, tmp_path, HERE) is None


def test_a_link_out_of_the_cache_is_no_plan_of_it(tmp_path):
    network, grid = load_network(), (42, 56)
    outside, cache = tmp_path / "outside", tmp_path / "cache"
    onnx = cache / export_for_plans(network, "tiny", grid).file_name()
    sources = {"tiny": export(cache, onnx)}
    plan = keep(outside, "tiny", sources)
    for name in (plan.name, f"{plan.name}.json"):
        (cache / name).symlink_to(outside / name)
    assert kept_plan(network, "tiny", grid, cache, HERE) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_without_a_gpu_a_plan_is_demanded_in_vain_and_else_not_missed(tmp_path):
    planner = plans.planner_for(torch.device("cuda", 0), tmp_path)
    assert planner(load_network(), "tiny", (42, 56), False) is None
    with pytest.raises(MissingDependency, match="needs a CUDA device"):
        planner(load_network(), "tiny", (42, 56), True)


@pytest.mark.slow
def test_what_is_demanded_is_exported_and_built_once_and_then_found(tmp_path, monkeypatch, capfd):
    from stereocast.engine import tensorrt

    monkeypatch.setattr(tensorrt, "local_capability", lambda *_: 89)
    planner = plans.planner_for(torch.device("cuda", 0), tmp_path / "exports")
    for network, name in ((load_network(), "tiny"), (RefineNetwork(), "refiner-mamba")):
        assert planner(network, name, (42, 56), False) is None
        built = planner(network, name, (42, 56), True)
        assert f"building the TensorRT plan of {name} for sm_89" in capfd.readouterr().err
        before = built.stat().st_mtime_ns
        assert planner(network, name, (42, 56), False) == built
        assert planner(network, name, (42, 56), True) == built
        assert built.stat().st_mtime_ns == before


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return installed(monkeypatch)
