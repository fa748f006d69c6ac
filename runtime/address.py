"""Where a stream is offered: which addresses there are, and who else could reach them.

Opens no socket and reads no environment: the caller hands both folder and environment in.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stereocast.engine.errors import TransportError

DEFAULT_NAME = "stereocast"
MAX_SOCKET_PATH_BYTES = 107
"""Linux keeps a socket's path in 108 bytes, the last of them zero."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TCP = re.compile(r"tcp://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+|\*):(\d{1,5}|\*)")


@dataclass(frozen=True)
class Address:
    """A place to offer or to find a stream.

    url          as ZeroMQ wants it; port * asks for any free one, when binding
    socket_path  the socket's file for ipc, None for tcp
    is_local     only programs of this machine can reach it; if False, CURVE keys are needed
    """

    url: str
    socket_path: Path | None
    is_local: bool


def default_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder for ipc sockets: the user's runtime directory, else a private one.

    The same user always gets the same answer, so that a viewer finds the stream by its name.
    """
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return Path(runtime) / "stereocast"
    return Path(environment.get("TMPDIR") or "/tmp") / f"stereocast-{os.getuid()}"


def parse_address(text: str, *, folder: Path) -> Address:
    """Read NAME, ipc://NAME, ipc:///PATH or tcp://HOST:PORT; an empty text is the default name.

    folder  where sockets that have only a name live
    Raises TransportError for anything else.
    """
    if text.startswith("tcp:"):
        return _parse_tcp(text)
    place = text.removeprefix("ipc:").removeprefix("//") or DEFAULT_NAME
    if place.startswith("/"):
        path = Path(place)
    elif _NAME.fullmatch(place):
        path = folder / place
    else:
        raise TransportError(
            f"address {text!r} is not understood; give a NAME, ipc:///PATH or tcp://HOST:PORT"
        )
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise TransportError(
            f"{path}: a socket's path can have {MAX_SOCKET_PATH_BYTES} bytes; choose a shorter one"
        )
    return Address(f"ipc://{path}", path, True)


def claim_folder(address: Address) -> None:
    """Create the folder of an ipc socket if it is missing, and see that nobody else can enter it.

    Viewers call this too: in a shared temporary folder a stranger could else offer a stream under
    this user's name. Does nothing for tcp.
    Raises TransportError if the folder is another user's, or open to others.
    """
    if address.socket_path is None:
        return
    folder = address.socket_path.parent
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
    except OSError as wrong:
        raise TransportError(f"{folder}: cannot hold sockets: {wrong.strerror}") from wrong
    if not stat.S_ISDIR(facts.st_mode):
        raise TransportError(f"{folder}: wanted a folder for sockets, found something else there")
    if facts.st_uid != os.getuid():
        raise TransportError(
            f"{folder}: belongs to user {facts.st_uid}, not to you; use ipc:///PATH in a folder "
            "of your own"
        )
    if facts.st_mode & stat.S_ISVTX:
        raise TransportError(
            f"{folder}: is shared by all users; put the socket into a folder of its own there, "
            f"as in ipc://{folder / 'NAME' / address.socket_path.name}"
        )
    if facts.st_mode & 0o077:
        raise TransportError(
            f"{folder}: other users can enter it (mode {facts.st_mode & 0o777:o}); "
            f"chmod 700 {folder}, or use another folder"
        )


def require_keys(address: Address, *, has_keys: bool) -> None:
    """Raise TransportError if the address can be reached from outside and no keys protect it."""
    if not address.is_local and not has_keys:
        raise TransportError(
            f"{address.url} can be reached from other machines and no keys were given; make some "
            "with `stereocast keys FOLDER` and add --curve, or use tcp://127.0.0.1"
        )


def _parse_tcp(text: str) -> Address:
    match = _TCP.fullmatch(text)
    if not match or (match[2] != "*" and int(match[2]) > 65535):
        raise TransportError(f"address {text!r} is not understood; give tcp://HOST:PORT")
    host = "127.0.0.1" if match[1] == "localhost" else match[1]
    port = "*" if match[2] in ("*", "0") else match[2]
    try:
        is_local = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name or *: what it resolves to may change, so it counts as outside
        is_local = False
    return Address(f"tcp://{host}:{port}", None, is_local)
