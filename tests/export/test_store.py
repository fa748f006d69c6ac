"""The cache of exports: made once, found again, renewed when damaged, private."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import torch

from stereocast.engine.artefact import manifest_path
from stereocast.engine.errors import ConfigError
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.export import store
from stereocast.export.store import Export, obtain, weights_digest
from tests.engine.vda import recipe

GRID = (28, 42)


@pytest.fixture(scope="module")
def network() -> object:
    return recipe.network("tiny")


@pytest.fixture(scope="module")
def export(network) -> Export:
    return Export("tiny", weights_digest(network.state_dict()), GRID)


@pytest.fixture(scope="module")
def cached(network, export, tmp_path_factory) -> Path:
    return obtain(network, export, tmp_path_factory.mktemp("cache") / "onnx")


def test_the_folder_is_private(cached):
    assert stat.S_IMODE(cached.parent.stat().st_mode) == 0o700


def test_the_second_time_nothing_is_made(network, export, cached):
    said: list[str] = []
    before = cached.stat().st_mtime_ns
    assert obtain(network, export, cached.parent, say=said.append) == cached
    assert said == [] and cached.stat().st_mtime_ns == before


def test_int8_is_made_of_the_fp32_that_is_there(network, export, cached):
    said: list[str] = []
    eight = Export(**vars(export) | {"precision": "int8"})
    path = obtain(network, eight, cached.parent, say=said.append)
    assert said == [f"quantising {cached.name} to int8"]
    manifest = OnnxRunner(path).manifest
    assert manifest is not None and manifest.precision == "int8"
    assert manifest.key["weights_sha256"] == export.weights_sha256


@pytest.mark.slow
def test_a_damaged_file_is_made_anew(network, export, cached, monkeypatch):
    good = cached.read_bytes()
    cached.write_bytes(good[:1000])
    said: list[str] = []
    obtain(network, export, cached.parent, say=said.append)
    assert said == ["exporting tiny for 28×42, fp32"]
    assert cached.read_bytes() == good


@pytest.mark.parametrize(
    "change",
    [{"weights_sha256": "0"}, {"grid": (42, 42)}, {"precision": "fp16"}, {"cache": "u"}],
    ids=str,
)
def test_whatever_changes_the_file_changes_its_name(export, change):
    assert Export(**vars(export) | change).file_name() != export.file_name()


def test_another_exporter_gives_another_name(export, monkeypatch):
    before = export.file_name()
    monkeypatch.setattr(store, "EXPORTER", store.EXPORTER + 1)
    assert export.file_name() != before


def test_impossible_wishes_are_refused():
    with pytest.raises(ConfigError, match="'fp8' is not one of fp32, fp16, int8"):
        Export("m", "0", GRID, precision="fp8")
    with pytest.raises(ConfigError, match="'list' is not one of kv, u"):
        Export("m", "0", GRID, cache="list")


def test_the_digest_is_of_content_not_of_order():
    one, two = torch.arange(6.0).view(2, 3), torch.ones(2)
    assert weights_digest({"a": one, "b": two}) == weights_digest({"b": two, "a": one})
    assert weights_digest({"a": one}) != weights_digest({"a": one.view(3, 2)})
    assert weights_digest({"a": one}) != weights_digest({"b": one})


def test_without_a_manifest_a_file_is_not_trusted(cached, tmp_path):
    alone = tmp_path / cached.name
    alone.write_bytes(cached.read_bytes())
    assert not store.is_whole(alone)
    (tmp_path / manifest_path(alone).name).write_bytes(manifest_path(cached).read_bytes())
    assert store.is_whole(alone)
