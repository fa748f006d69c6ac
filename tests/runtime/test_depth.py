"""runtime/depth: which stage a name becomes, through which runtime, and what is said of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from stereocast.engine.depth.picture import PictureDepth
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.errors import ConfigError, MissingDependency, ModelError
from stereocast.engine.frame import Frame
from stereocast.engine.models import Output
from stereocast.engine.session import DepthConfig, EngineConfig, Session
from stereocast.export.store import Export, obtain
from stereocast.runtime import depth as opening
from stereocast.runtime.depth import DepthFiles, open_depth
from stereocast.runtime.models.network import NetworkDeclaration, import_network
from stereocast.runtime.models.store import ModelStore, StoredModel
from tests.engine.test_stage_laws import SIZE, clip
from tests.engine.vda import recipe
from tests.models.networks import network

CONFIG = DepthConfig(model="mine", height=28, width=42)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def mine(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """A store with the tiny network, which no real architecture has, as the model `mine`."""
    path = store.unfinished("mine", "mine.pth")
    torch.save(recipe.state_dict(recipe.TINY), path)
    size = path.stat().st_size
    store.commit(
        StoredModel(
            store.place("mine"), "mine", "vda", Output.METRIC_DEPTH, "MIT", "mine.pth", "0" * 64,
            size, "a test", encoder="vits",
        )
    )  # fmt: skip
    monkeypatch.setattr(
        opening.vda,
        "build",
        lambda _, table, metric: recipe.assemble(recipe.TINY, table, metric=metric),
    )
    return store


def exporter(folder: Path):
    return lambda network, name, grid, precision: obtain(
        network, Export(name, "0" * 64, grid, precision), folder
    )


def test_the_prior_needs_no_files(store: ModelStore):
    opened = open_depth(DepthConfig(), SIZE, DepthFiles(store))
    assert (opened.model, opened.runner, opened.notes) == ("prior", "PyTorch", ())
    assert opened.stage.grid == DepthConfig().grid_for(SIZE)


def test_the_built_in_network_needs_no_files_and_runs_in_onnx_runtime(
    store: ModelStore, tmp_path: Path
):
    config = DepthConfig(model="tiny", height=42, width=56, precision="int8")
    exported = open_depth(config, SIZE, DepthFiles(store, 1, exporter(tmp_path)))
    assert exported.runner == "ONNX Runtime, 1 thread, fp32"
    assert exported.notes == ("tiny has no int8 variant: it runs in fp32",)
    plain = open_depth(config, SIZE, DepthFiles(store))
    assert plain.runner == "PyTorch" and "runs in PyTorch" in plain.notes[0]
    depths = []
    for opened in (exported, plain):
        session = Session(SIZE, EngineConfig(depth=config), depth=opened.stage)
        kept = [session.step(frame, keep_depth=True).depth for frame in clip(1)]
        depths.append(torch.stack([depth for depth in kept if depth is not None]))
    assert torch.allclose(*depths, atol=1e-3) and depths[0].std() > 0


def test_the_shipped_weights_are_small_and_fit():
    from stereocast.engine.depth.tiny.weights import BUILT_IN, load_network

    assert BUILT_IN.stat().st_size <= 5_000_000
    network = load_network()
    assert sum(weight.numel() for weight in network.parameters()) <= 2_500_000
    assert all(weight.isfinite().all() for weight in network.state_dict().values())


def test_damaged_weights_are_one_line(tmp_path: Path):
    from stereocast.engine.depth.tiny.weights import load_network
    from stereocast.engine.errors import WeightsError

    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot read it"):
        load_network(tmp_path / "a.safetensors")


def test_a_model_that_is_not_here_says_what_to_run(store: ModelStore):
    for name, command in (("vda-small", "pull vda-small'"), ("vda-large", "--accept-licence'")):
        with pytest.raises(ModelError, match=command) as error:
            open_depth(DepthConfig(model=name), SIZE, DepthFiles(store))
        assert "\n" not in str(error.value)


def test_an_unknown_model_is_told_what_there_is(mine: ModelStore):
    with pytest.raises(ModelError, match=r"did you mean 'mine'\? there is tiny, prior, .*, mine$"):
        open_depth(DepthConfig(model="minus"), SIZE, DepthFiles(mine))


@pytest.mark.slow
def test_weights_are_exported_once_and_give_the_depth_of_pytorch(mine: ModelStore, tmp_path: Path):
    open_depth(CONFIG, SIZE, DepthFiles(mine, 1, exporter(tmp_path)))
    (path,) = tmp_path.glob("*.onnx")
    written = path.stat().st_mtime_ns
    exported = open_depth(CONFIG, SIZE, DepthFiles(mine, 1, exporter(tmp_path)))
    assert path.stat().st_mtime_ns == written
    plain = open_depth(CONFIG, SIZE, DepthFiles(mine))
    assert exported.report() == {
        "model": "mine", "output": "metric-depth", "grid": [28, 42],
        "runner": "ONNX Runtime, 1 thread, fp32",
    }  # fmt: skip
    assert exported.notes == ()
    coarse = dataclasses.replace(CONFIG, precision="int8")
    eight_bits = open_depth(coarse, SIZE, DepthFiles(mine, 1, exporter(tmp_path)))
    assert eight_bits.runner.endswith("int8")
    assert len(list(tmp_path.glob("*.onnx"))) == 2
    assert plain.runner == "PyTorch"
    assert "runs in PyTorch" in plain.notes[0]
    depths = []
    for opened in (exported, plain):
        assert isinstance(opened.stage, StreamedDepth)
        session = Session(SIZE, EngineConfig(depth=CONFIG), depth=opened.stage)
        kept = [session.step(frame, keep_depth=True).depth for frame in clip(1, 2)]
        depths.append(torch.stack([depth for depth in kept if depth is not None]))
        assert session.cuts == 1
    assert float(depths[1].std()) > 0.01
    assert torch.allclose(*depths, atol=1e-4)


def test_what_cannot_be_exported_runs_in_pytorch_and_says_why(mine: ModelStore):
    def refuse(*_: object) -> Path:
        raise MissingDependency("no exporter today")

    opened = open_depth(CONFIG, SIZE, DepthFiles(mine, 1, refuse))
    assert opened.runner == "PyTorch"
    assert opened.notes[0].endswith("no exporter today")


def test_a_grid_that_is_not_made_of_patches_is_refused(mine: ModelStore, tmp_path: Path):
    config = DepthConfig(model="mine", height=30, width=42, fit=False)
    with pytest.raises(ConfigError, match="14"):
        open_depth(config, SIZE, DepthFiles(mine, 1, exporter(tmp_path)))


def test_the_memory_of_the_stream_is_as_configured(mine: ModelStore):
    """At 25 frames a second and at most ten remembered, the first and the fourth of six are."""
    config = DepthConfig(model="mine", height=28, width=42, max_rate_hz=10)
    session = Session(
        SIZE, EngineConfig(depth=config), depth=open_depth(config, SIZE, DepthFiles(mine)).stage
    )
    for frame in clip(1):
        session.step(frame)
    assert int(session._state.temporal.depth.index) == 2


@pytest.mark.parametrize("sides", [("H", "W"), (48, 64)])
def test_an_imported_network_is_fed_as_it_declares(
    store: ModelStore, tmp_path: Path, sides: tuple[object, object]
):
    """The network doubles the mean of the channels, which come from 0 to 255."""
    declared = NetworkDeclaration("toy", Output.METRIC_DEPTH, "0..255", multiple=32)
    import_network(network(tmp_path / "toy.onnx", sides=sides), store, declared)
    opened = open_depth(
        DepthConfig(model="toy", height=33, width=42, fit=False), SIZE, DepthFiles(store)
    )
    assert isinstance(opened.stage, PictureDepth)
    assert opened.stage.grid == (sides if sides == (48, 64) else (64, 64))
    assert opened.notes == (f"toy takes pictures of {opened.stage.grid[0]}×64",)
    frame = Frame(torch.full((3, *SIZE), 10, dtype=torch.uint8), 0, 0)
    depth = Session(SIZE, depth=opened.stage).step(frame, keep_depth=True).depth
    assert depth is not None
    assert torch.allclose(depth, torch.full(SIZE, 20.0), atol=1e-3)


def test_a_size_that_an_open_network_cannot_take_is_one_line(tmp_path: Path):
    from stereocast.engine.errors import PlanMismatch
    from stereocast.engine.onnx_runner import OnnxRunner

    path = network(tmp_path / "toy.onnx", sides=("H", "W"))
    with pytest.raises(PlanMismatch, match=r"it does not run with image \[1, 4, 8, 8\]") as error:
        OnnxRunner(path, shapes={"image": (1, 4, 8, 8)})
    assert "\n" not in str(error.value)
