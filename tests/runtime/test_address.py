"""Addresses: what is understood, and who is kept out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stereocast.engine.errors import TransportError
from stereocast.runtime.address import claim_folder, default_folder, parse_address, require_keys

FOLDER = Path("/run/user/7/stereocast")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "ipc:///run/user/7/stereocast/stereocast"),
        ("ipc://", "ipc:///run/user/7/stereocast/stereocast"),
        ("den", "ipc:///run/user/7/stereocast/den"),
        ("ipc://den", "ipc:///run/user/7/stereocast/den"),
        ("ipc:///a/b", "ipc:///a/b"),
        ("tcp://127.0.0.1:5570", "tcp://127.0.0.1:5570"),
        ("tcp://localhost:5570", "tcp://127.0.0.1:5570"),
        ("tcp://127.0.0.1:0", "tcp://127.0.0.1:*"),
        ("tcp://[::1]:5570", "tcp://[::1]:5570"),
    ],
)
def test_local_addresses_need_no_keys(text: str, url: str) -> None:
    address = parse_address(text, folder=FOLDER)
    assert address.url == url and address.is_local
    require_keys(address, has_keys=False)


@pytest.mark.parametrize(
    "text",
    ["tcp://*:5570", "tcp://0.0.0.0:1", "tcp://192.168.1.5:1", "tcp://[::]:1", "tcp://den.local:1"],
)
def test_addresses_others_can_reach_demand_keys(text: str) -> None:
    address = parse_address(text, folder=FOLDER)
    with pytest.raises(TransportError, match="stereocast keys") as refusal:
        require_keys(address, has_keys=False)
    assert "\n" not in str(refusal.value)
    require_keys(address, has_keys=True)


@pytest.mark.parametrize(
    "text",
    ["../den", "a/b", "@abstract", "udp://x:1", "tcp://x", "tcp://x:70000", "a\nb", "ipc:@x"],
)
def test_other_addresses_are_not_understood(text: str) -> None:
    with pytest.raises(TransportError, match="not understood"):
        parse_address(text, folder=FOLDER)


def test_a_path_too_long_for_a_socket_is_refused() -> None:
    with pytest.raises(TransportError, match="107 bytes"):
        parse_address("den", folder=Path("/" + "x" * 110))


def test_the_runtime_directory_is_the_default_folder() -> None:
    assert default_folder({"XDG_RUNTIME_DIR": "/run/user/7"}) == FOLDER


def test_without_a_runtime_directory_the_folder_is_the_users_own() -> None:
    assert default_folder({}) == Path(f"/tmp/stereocast-{os.getuid()}")
    assert default_folder({"XDG_RUNTIME_DIR": "relative", "TMPDIR": "/t"}).parent == Path("/t")


def test_the_folder_is_created_private(tmp_path: Path) -> None:
    claim_folder(parse_address("", folder=tmp_path / "own"))
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700


def test_a_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o710)
    with pytest.raises(TransportError, match="chmod 700"):
        claim_folder(parse_address("", folder=folder))


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(TransportError, match="something else"):
        claim_folder(parse_address("", folder=tmp_path / "link"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    os.chown(folder, 1234, 1234)
    with pytest.raises(TransportError, match="belongs to user 1234"):
        claim_folder(parse_address("", folder=folder))


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="No such file"):
        claim_folder(parse_address("", folder=tmp_path / "a" / "b"))
