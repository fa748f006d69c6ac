"""The registry and the store: facts that hold together, and files that are what they claim."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stereocast.engine.errors import ModelError
from stereocast.engine.models import MODELS, Output, find, find_by_sha256
from stereocast.runtime.models.store import ModelStore, StoredModel, file_sha256


def put(store: ModelStore, name: str = "vda-small", content: bytes = b"weights") -> StoredModel:
    partial = store.unfinished(name, "w.pth")
    partial.write_bytes(content)
    return store.commit(
        StoredModel(
            store.place(name), name, "vda", Output.RELATIVE_INVERSE, "Apache-2.0", "w.pth",
            file_sha256(partial), len(content), "a test", "vits",
        )
    )  # fmt: skip


def test_entries_are_complete_and_distinct():
    assert len({entry.name for entry in MODELS}) == len(MODELS)
    files = [entry.file for entry in MODELS if entry.file is not None]
    assert len({file.sha256 for file in files}) == len(files) == 6
    for file in files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert re.fullmatch("[0-9a-f]{40}", file.revision)
        assert file.size_bytes > 1e8
        assert find_by_sha256(file.sha256).file is file  # type: ignore[union-attr]


def test_only_the_small_models_may_be_used_for_everything():
    free = {entry.name for entry in MODELS if not entry.needs_acceptance}
    assert free == {"tiny", "prior", "vda-small", "vda-small-metric"}


def test_every_model_that_is_not_built_in_says_its_encoder_and_kind():
    for entry in MODELS[2:]:
        assert entry.encoder in ("vits", "vitb", "vitl")
        assert (entry.output is Output.METRIC_DEPTH) == entry.name.endswith("-metric")
        assert (entry.output is Output.METRIC_DEPTH) == entry.file.name.startswith("metric_")  # type: ignore[union-attr]


def test_a_misspelt_name_is_answered_with_the_right_one():
    with pytest.raises(ModelError, match="did you mean 'vda-small'"):
        find("vda_small")


def test_a_stored_model_is_read_back_as_it_was(tmp_path: Path):
    store = ModelStore(tmp_path / "models")
    assert store.names() == ()
    stored = put(store)
    assert store.names() == ("vda-small",)
    assert store.get("vda-small") == store.verify("vda-small") == stored


def test_absent_models_name_the_command_that_brings_them(tmp_path: Path):
    store = ModelStore(tmp_path)
    with pytest.raises(ModelError, match="run 'stereocast models pull vda-small'"):
        store.get("vda-small")
    with pytest.raises(ModelError, match="pull vda-large --accept-licence"):
        store.get("vda-large")
    with pytest.raises(ModelError, match="see 'stereocast models list'"):
        store.get("mine")


def test_changed_and_shortened_files_are_found(tmp_path: Path):
    store = ModelStore(tmp_path)
    path = put(store).path
    path.write_bytes(b"weightz")
    assert store.get("vda-small")
    with pytest.raises(ModelError, match="has changed"):
        store.verify("vda-small")
    path.write_bytes(b"weig")
    with pytest.raises(ModelError, match="has 4 bytes instead of 7"):
        store.get("vda-small")
    path.unlink()
    with pytest.raises(ModelError, match="is gone"):
        store.get("vda-small")


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{}", b"[]", b'{"schema": "stereocast/model/9"}', b"\xff\xfe"],
)
def test_a_damaged_manifest_is_one_line(tmp_path: Path, manifest: bytes):
    store = ModelStore(tmp_path)
    (put(store).folder / "manifest.json").write_bytes(manifest)
    with pytest.raises(ModelError, match="cannot be read") as caught:
        store.get("vda-small")
    assert "\n" not in str(caught.value)


def test_a_manifest_cannot_point_elsewhere(tmp_path: Path):
    store = ModelStore(tmp_path)
    stored = put(store)
    facts = replace(stored, file="../../secret").manifest()
    (stored.folder / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(ModelError, match="cannot be read"):
        store.get("vda-small")


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".hidden", "Großes"])
def test_names_that_could_leave_the_folder_are_refused(tmp_path: Path, name: str):
    with pytest.raises(ModelError, match="cannot name a model"):
        ModelStore(tmp_path).place(name)


def test_removing_deletes_unfinished_files_too(tmp_path: Path):
    store = ModelStore(tmp_path)
    store.unfinished("vda-base", "w.pth").write_bytes(b"12345")
    assert store.remove("vda-base") == 5
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ModelError, match="there is no model"):
        store.remove("vda-base")


def test_listing_fetching_and_checking_need_no_torch():
    modules = "stereocast.runtime.models.pull, stereocast.runtime.models.store"
    check = f"import sys, stereocast.runtime.cli.models, {modules}; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
