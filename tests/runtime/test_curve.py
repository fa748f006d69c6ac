"""Keys: who is on the list watches, who is not gets nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import zmq
import zmq.auth

from stereocast.engine.errors import TransportError
from stereocast.runtime import curve, wire
from stereocast.runtime.address import parse_address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.encode import Packet
from stereocast.runtime.sink.zmq_router import RouterSink
from tests.streams import PATIENCE_MS

STREAM = wire.Stream(codec="mjpeg", codec_string="mjpeg", w=2, h=2, layout="full-sbs", fps=1)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return curve.create_keys(tmp_path_factory.mktemp("keys") / "ours")


def send_one(sink: RouterSink) -> None:
    sink.write(Packet(b"secret", 0, True), seq=0, t_capture_ns=time.monotonic_ns())


def test_who_is_on_the_list_gets_frames(keys: tuple[Path, Path], tmp_path: Path) -> None:
    server, client = keys
    # Reachable from outside, so it would not start without keys.
    with RouterSink(parse_address("tcp://*:0", folder=tmp_path), STREAM, curve=server) as sink:
        port = sink.address.url.rpartition(":")[2]
        here = parse_address(f"tcp://127.0.0.1:{port}", folder=tmp_path)
        with StreamClient(here, name="watch", curve=client) as watcher:
            send_one(sink)
            message = watcher.receive(PATIENCE_MS)
    assert isinstance(message, wire.FrameMessage) and message.payload == b"secret"


def test_a_strangers_key_is_refused(keys: tuple[Path, Path], tmp_path: Path) -> None:
    _, stranger = curve.create_keys(tmp_path / "theirs")
    # The stranger knows the server's public key, but is not on its list.
    (stranger / "server.key").write_bytes((keys[1] / "server.key").read_bytes())
    with RouterSink(parse_address("", folder=tmp_path / "s"), STREAM, curve=keys[0]) as sink:
        with pytest.raises(TransportError, match="keys do not match"):
            StreamClient(sink.address, name="spy", curve=stranger, connect_timeout_s=0.5)
        assert sink.viewers == 0


def test_who_has_no_key_is_refused(keys: tuple[Path, Path], tmp_path: Path) -> None:
    with RouterSink(parse_address("", folder=tmp_path / "s"), STREAM, curve=keys[0]) as sink:
        with pytest.raises(TransportError, match="nobody answered"):
            StreamClient(sink.address, name="spy", connect_timeout_s=0.5)
        assert sink.viewers == 0


def test_a_false_server_gets_no_viewer(keys: tuple[Path, Path], tmp_path: Path) -> None:
    false_server, _ = curve.create_keys(tmp_path / "false")
    (false_server / "allowed" / "watch.key").write_bytes((keys[1] / "client.key").read_bytes())
    with (
        RouterSink(parse_address("", folder=tmp_path / "s"), STREAM, curve=false_server) as sink,
        pytest.raises(TransportError, match="keys do not match"),
    ):
        StreamClient(sink.address, name="watch", curve=keys[1], connect_timeout_s=0.5)


def test_keys_are_private_and_the_secret_stays_with_its_owner(keys: tuple[Path, Path]) -> None:
    server, client = keys
    for folder in (server, client):
        for path in (folder, *folder.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path
    names = {file.name for file in client.iterdir()}
    assert names == {"client.key", "client.key_secret", "server.key"}
    assert zmq.auth.load_certificate(client / "server.key")[1] is None


def test_a_secret_is_not_printed(keys: tuple[Path, Path]) -> None:
    ours = curve.load_client_keys(keys[1])
    assert ours.secret.decode() not in repr(ours)
    assert curve.load_server_keys(keys[0]).secret.decode() not in repr(ours)


def test_keys_are_never_overwritten(keys: tuple[Path, Path]) -> None:
    before = (keys[0] / "server.key_secret").read_bytes()
    with pytest.raises(TransportError, match="never overwritten"):
        curve.create_keys(keys[0].parent)
    assert (keys[0] / "server.key_secret").read_bytes() == before


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    _, client = curve.create_keys(tmp_path / "k")
    (client / "client.key_secret").chmod(0o644)
    with pytest.raises(TransportError, match="chmod 600"):
        curve.load_client_keys(client)


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    server, _ = curve.create_keys(tmp_path / "k")
    (server / "allowed" / "client.key").unlink()
    with pytest.raises(TransportError, match="nobody could watch"):
        RouterSink(parse_address("", folder=tmp_path / "s"), STREAM, curve=server)


@pytest.mark.parametrize("content", [None, b"", b'public-key = "short"\nsecret-key = "x"'])
def test_a_broken_key_file_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    server, client = curve.create_keys(tmp_path / "k")
    for secret in (server / "server.key_secret", client / "client.key_secret"):
        secret.unlink()
        if content is not None:
            secret.touch(mode=0o600)
            secret.write_bytes(content)
    with pytest.raises(TransportError):
        RouterSink(parse_address("", folder=tmp_path / "s"), STREAM, curve=server)
    with pytest.raises(TransportError):
        StreamClient(parse_address("", folder=tmp_path / "s"), name="watch", curve=client)
