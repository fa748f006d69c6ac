"""Fetching models: only the right file gets its name, and every failure is one clear line."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import file_download

from stereocast.engine.errors import ModelError
from stereocast.engine.models import ModelEntry, ModelFile, find
from stereocast.runtime.models.pull import PullOptions, pull
from stereocast.runtime.models.store import ModelStore
from tests.models.hub import Hub, serving

CONTENT = bytes(range(256)) * 40 + b"the end"
FILE = ModelFile(
    "someone/some-model",
    "weights.pth",
    "0123456789abcdef0123456789abcdef01234567",
    len(CONTENT),
    hashlib.sha256(CONTENT).hexdigest(),
)
ENTRY = replace(find("vda-small"), file=FILE)
PATH = f"{FILE.repository}/resolve/{FILE.revision}/{FILE.name}"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client waits a second before it tries again; the tests need not."""
    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)


def fetch(
    store: ModelStore, endpoint: str, *, entry: ModelEntry = ENTRY, accept: bool = False
) -> Path:
    options = PullOptions(
        endpoint=endpoint, accept_licence=accept, hub_cache=store.folder.parent / "none"
    )
    return pull(entry, store, options).path


def refusal(store: ModelStore, endpoint: str) -> str:
    """The one line that a failing pull says; nothing may stand in the model's place."""
    with pytest.raises(ModelError) as caught:
        fetch(store, endpoint)
    assert "\n" not in str(caught.value)
    assert store.names() == ()
    assert not (store.folder / "vda-small" / FILE.name).exists()
    return str(caught.value)


def test_a_good_file_arrives_with_its_manifest(store: ModelStore):
    with serving(Hub({PATH: CONTENT})) as hub:
        path = fetch(store, hub.endpoint)
    assert path.read_bytes() == CONTENT
    stored = store.verify("vda-small")
    assert (stored.encoder, stored.licence, stored.sha256) == ("vits", "Apache-2.0", FILE.sha256)
    assert sorted(file.name for file in path.parent.iterdir()) == ["manifest.json", "weights.pth"]


def test_what_is_here_is_not_fetched_again(store: ModelStore):
    with serving(Hub({PATH: CONTENT})) as hub:
        fetch(store, hub.endpoint)
        asked = len(hub.requests)
        fetch(store, hub.endpoint)
        assert len(hub.requests) == asked


def test_no_token_of_the_user_is_sent(store: ModelStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with serving(Hub({PATH: CONTENT})) as hub:
        fetch(store, hub.endpoint)
    assert all("authorization" not in headers for headers in hub.headers)


def test_a_dropped_connection_is_taken_up_where_it_broke(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    """The client keeps whole pieces of 10 MB; here they are small."""
    monkeypatch.setattr(file_download.constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    with serving(Hub({PATH: CONTENT}, stop_at=4000, stops=2)) as hub:
        assert fetch(store, hub.endpoint).read_bytes() == CONTENT
    assert [asked for command, asked in hub.requests if command == "GET"] == [
        None, "bytes=4000-", "bytes=8000-",
    ]  # fmt: skip


def test_a_truncated_body_is_refused_and_the_next_pull_goes_on_from_there(store: ModelStore):
    with serving(Hub({PATH: CONTENT[:3000]}, announce=len(CONTENT))) as hub:
        said = refusal(store, hub.endpoint)
    assert f"stopped at 3000 of {len(CONTENT)} bytes" in said
    assert "run the command again" in said
    with serving(Hub({PATH: CONTENT})) as hub:
        assert fetch(store, hub.endpoint).read_bytes() == CONTENT
        assert ("GET", "bytes=3000-") in hub.requests


def test_a_wrong_hash_is_refused_and_deleted(store: ModelStore):
    wrong = CONTENT[:-1] + b"X"
    with serving(Hub({PATH: wrong})) as hub:
        said = refusal(store, hub.endpoint)
    assert hashlib.sha256(wrong).hexdigest() in said
    assert FILE.sha256 in said
    assert not (store.folder / "vda-small").exists()


def test_another_size_is_refused_before_anything_is_fetched(store: ModelStore):
    with serving(Hub({PATH: CONTENT + b"more"})) as hub:
        said = refusal(store, hub.endpoint)
    assert f"offers {len(CONTENT) + 4} bytes instead of {len(CONTENT)}" in said
    assert all(command == "HEAD" for command, _ in hub.requests)


def test_a_damaged_partial_file_is_found_and_thrown_away(store: ModelStore):
    store.unfinished("vda-small", FILE.name).write_bytes(b"x" * 500)
    with serving(Hub({PATH: CONTENT})) as hub:
        assert "was deleted" in refusal(store, hub.endpoint)
        assert fetch(store, hub.endpoint).read_bytes() == CONTENT


def test_a_missing_file_says_where_it_was_looked_for(store: ModelStore):
    with serving(Hub({})) as hub:
        said = refusal(store, hub.endpoint)
    assert f"{hub.endpoint} has no someone/some-model/weights.pth" in said
    assert "404" in said


def test_a_broken_server_is_named(store: ModelStore):
    with serving(Hub({PATH: CONTENT}, status=500)) as hub:
        assert f"{hub.endpoint} answers HTTP 500" in refusal(store, hub.endpoint)


def test_no_network_is_one_line_and_leaves_no_trace(store: ModelStore):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert f"cannot reach {endpoint}" in refusal(store, endpoint)
    assert not (store.folder / "vda-small").exists()


def test_the_hub_clients_own_cache_is_used_without_a_network(store: ModelStore, tmp_path: Path):
    folder = tmp_path / "hub" / "models--someone--some-model" / "snapshots" / FILE.revision
    folder.mkdir(parents=True)
    (folder / FILE.name).write_bytes(CONTENT)
    options = PullOptions(endpoint="http://127.0.0.1:9", hub_cache=tmp_path / "hub")
    assert pull(ENTRY, store, options).path.read_bytes() == CONTENT


def test_a_licence_without_commerce_must_be_accepted(store: ModelStore):
    entry = replace(find("vda-large"), file=FILE)
    with serving(Hub({PATH: CONTENT})) as hub:
        with pytest.raises(ModelError, match=r"CC-BY-NC-4\.0.*add --accept-licence"):
            fetch(store, hub.endpoint, entry=entry)
        assert hub.requests == []
        assert fetch(store, hub.endpoint, entry=entry, accept=True).is_file()


def test_what_is_built_in_cannot_be_fetched(store: ModelStore):
    with pytest.raises(ModelError, match="built in"):
        fetch(store, "http://127.0.0.1:9", entry=find("prior"))


def test_two_pulls_of_one_model_do_not_mix(store: ModelStore):
    import fcntl

    with store.unfinished("vda-small", FILE.name).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "another process" in refusal(store, "http://127.0.0.1:9")
