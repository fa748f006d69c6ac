"""Importing: only what fits the network, runs, and brings nothing from elsewhere gets in."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor

from stereocast.engine.depth.vda.architecture import ARCHITECTURES
from stereocast.engine.depth.vda.network import VideoDepth
from stereocast.engine.errors import ModelError, StereocastError
from stereocast.engine.models import Output
from stereocast.runtime.models.checkpoint import (
    ImportOptions,
    import_checkpoint,
    read_state_dict,
)
from stereocast.runtime.models.network import NetworkDeclaration, import_network
from stereocast.runtime.models.store import ModelStore
from tests.models.networks import network, outside

METRES = NetworkDeclaration("mine", Output.METRIC_DEPTH, "0..1")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """A small network's whole table, in storage that all tensors share to keep files small."""
    with torch.device("meta"):
        shapes = VideoDepth(ARCHITECTURES["vits"]).state_dict()
    pool = torch.zeros(max(value.numel() for value in shapes.values()))
    return {name: pool[: value.numel()].view(value.shape) for name, value in shapes.items()}


@pytest.fixture
def checkpoint(tmp_path: Path, weights: dict[str, Tensor]) -> Path:
    path = tmp_path / "video_depth_anything_vits.pth"
    torch.save(weights, path)
    return path


def refused(call, *arguments: object) -> str:
    with pytest.raises(StereocastError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_checkpoint_is_recognised_by_its_tensors(store: ModelStore, checkpoint: Path):
    stored = import_checkpoint(checkpoint, store)
    assert (stored.name, stored.encoder, stored.output) == (
        "vda-small", "vits", Output.RELATIVE_INVERSE,
    )  # fmt: skip
    assert stored.licence == "unknown"
    assert store.verify("vda-small").path.read_bytes() == checkpoint.read_bytes()


def test_the_kind_of_depth_is_told_by_the_official_name_or_by_the_user(
    store: ModelStore, checkpoint: Path
):
    metric = checkpoint.rename(checkpoint.with_name("metric_video_depth_anything_vits.pth"))
    assert import_checkpoint(metric, store).name == "vda-small-metric"
    strange = metric.rename(checkpoint.with_name("best.pth"))
    assert "add --output relative-inverse or metric-depth" in refused(
        import_checkpoint, strange, store
    )
    told = ImportOptions(name="mine", output=Output.METRIC_DEPTH)
    assert import_checkpoint(strange, store, told).output is Output.METRIC_DEPTH


def test_safetensors_are_taken_too(store: ModelStore, tmp_path: Path, weights: dict[str, Tensor]):
    path = tmp_path / "video_depth_anything_vits.safetensors"
    save_file({name: value.clone().half() for name, value in weights.items()}, path)
    stored = import_checkpoint(path, store)
    assert stored.encoder == "vits"
    assert read_state_dict(stored.path).keys() == weights.keys()


def test_missing_tensors_are_listed(store: ModelStore, tmp_path: Path, weights: dict[str, Tensor]):
    short = {name: value for name, value in weights.items() if name != "pretrained.norm.bias"}
    path = tmp_path / "video_depth_anything_vits.pth"
    torch.save(short, path)
    assert "1 missing: pretrained.norm.bias" in refused(import_checkpoint, path, store)
    assert store.names() == ()


class Surprise:
    """What a hostile checkpoint does when it is loaded carelessly."""

    def __reduce__(self):
        return (warnings.warn, ("code of the file has run",))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"pretrained.cls_token": Surprise()}, "could run code"),
        ({"epoch": 3}, "not a plain table"),
        ([torch.zeros(2)], "not a plain table"),
        ({"conv.weight": torch.zeros(2)}, "no Video-Depth-Anything checkpoint: it has 1 tensors"),
    ],
)
def test_other_content_is_refused_and_never_run(
    store: ModelStore, tmp_path: Path, content: object, why: str
):
    path = tmp_path / "video_depth_anything_vits.pth"
    torch.save(content, path)
    assert why in refused(import_checkpoint, path, store)
    assert store.names() == ()


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors", "a.pt"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x80\x02}q\x00", b"hello"])
def test_rubbish_is_one_line(store: ModelStore, tmp_path: Path, name: str, content: bytes):
    path = tmp_path / name
    path.write_bytes(content)
    assert str(path) in refused(import_checkpoint, path, store)


def test_files_that_are_not_there_or_of_no_known_kind_are_refused(
    store: ModelStore, tmp_path: Path
):
    assert "no such file" in refused(import_checkpoint, tmp_path / "a.pth", store)
    (tmp_path / "a.bin").touch()
    assert ".pth, .pt, .safetensors" in refused(import_checkpoint, tmp_path / "a.bin", store)


def test_a_name_is_given_once_and_known_names_mean_what_they_say(
    store: ModelStore, checkpoint: Path
):
    said = refused(import_checkpoint, checkpoint, store, ImportOptions(name="vda-large"))
    assert "the name of another model" in said
    import_checkpoint(checkpoint, store)
    assert "already" in refused(import_checkpoint, checkpoint, store)


def test_a_network_is_tried_out_and_kept_with_what_was_declared(store: ModelStore, tmp_path: Path):
    path = network(tmp_path / "net.onnx")
    stored = import_network(path, store, METRES)
    assert stored == store.verify("mine")
    assert (stored.architecture, stored.output) == ("onnx", Output.METRIC_DEPTH)
    assert stored.network is not None
    assert (stored.network.input, stored.network.output) == ("image", "depth")
    assert (stored.network.size, stored.network.multiple) == (None, 32)
    assert stored.path.read_bytes() == path.read_bytes()


def test_a_network_of_one_size_keeps_it(store: ModelStore, tmp_path: Path):
    stored = import_network(network(tmp_path / "net.onnx", sides=(48, 64)), store, METRES)
    assert stored.network is not None
    assert stored.network.size == (48, 64)


def test_weights_beside_the_network_are_taken_into_it(store: ModelStore, tmp_path: Path):
    path = outside(tmp_path / "net.onnx", "net.data")
    assert "not there" in refused(import_network, path, store, METRES)
    (tmp_path / "net.data").write_bytes(np.array([3], np.float32).tobytes())
    stored = import_network(path, store, METRES)
    kept = onnx.load(stored.path, load_external_data=False).graph.initializer[0]
    assert numpy_helper.to_array(kept).tolist() == [3.0]


@pytest.mark.parametrize("location", ["/etc/hostname", "../secret", "a/../../secret"])
def test_weights_from_elsewhere_are_refused(store: ModelStore, tmp_path: Path, location: str):
    (tmp_path / "secret").write_bytes(b"1234")
    (tmp_path / "in").mkdir()
    path = outside(tmp_path / "in" / "net.onnx", location)
    assert "outside its folder" in refused(import_network, path, store, METRES)


def test_links_out_of_the_folder_are_refused(store: ModelStore, tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"1234")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "net.data").symlink_to(tmp_path / "secret")
    path = outside(tmp_path / "in" / "net.onnx", "net.data")
    assert "outside its folder" in refused(import_network, path, store, METRES)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ({"op": "Evil", "domain": "acme"}, "acme::Evil, which needs code"),
        ({"op": "Nonsense"}, "not a valid network"),
        ({"channels": 4}, r"must be float32 [1, 3, h, w]"),
        ({"scale": 0.0}, "the same depth everywhere"),
        ({"scale": float("inf")}, "not finite"),
        ({"sides": (48, 9000)}, "at most 2048"),
    ],
)
def test_networks_that_cannot_be_used_are_refused(
    store: ModelStore, tmp_path: Path, kind: dict[str, object], why: str
):
    path = network(tmp_path / "net.onnx", **kind)  # type: ignore[arg-type]
    assert why in refused(import_network, path, store, METRES)
    assert store.names() == ()


def test_bytes_that_are_no_network_are_one_line(store: ModelStore, tmp_path: Path):
    path = tmp_path / "net.onnx"
    for content in (b"hello", b"", b"\x08\x09" * 50):
        path.write_bytes(content)
        assert str(path) in refused(import_network, path, store, METRES)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"normalise": "0..2"}, "--normalise is one of"),
        ({"multiple": 0}, "--multiple"),
        ({"name": "vda-small"}, "the name of another model"),
    ],
)
def test_impossible_declarations_are_refused(wrong: dict[str, object], why: str):
    facts = {"name": "mine", "output": Output.METRIC_DEPTH, "normalise": "0..1", **wrong}
    with pytest.raises(ModelError, match=why):
        NetworkDeclaration(**facts)  # type: ignore[arg-type]


def test_a_real_network_is_accepted(store: ModelStore, data: Path):
    """FastDepth, metres from RGB in [0, 1], any multiple of 32."""
    path = data / "models" / "fastdepth_pruned_fp32.onnx"
    assert import_network(path, store, METRES).sha256.startswith("633e6b322e1445a9")
