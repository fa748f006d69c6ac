"""Keys for streams that leave the machine: CURVE encryption and a list of who may watch.

A folder of keys, made by `create_keys`:
    server/server.key_secret   stays where the stream is
    server/allowed/*.key       public keys of the viewers that may watch
    client/                    is carried to the viewer: its own secret and the server's public key
The list is read when a stream starts. A key that is not on it is refused, always.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from stereocast.engine.errors import TransportError

DOMAIN = "stereocast"
KEY_CHARACTERS = 40


@dataclass(frozen=True)
class ServerKeys:
    """A server's key pair, and the folder with the public keys of those who may watch."""

    public: bytes
    secret: bytes = field(repr=False)
    allowed: Path


@dataclass(frozen=True)
class ClientKeys:
    """A viewer's key pair, and the public key of the server it trusts."""

    public: bytes
    secret: bytes = field(repr=False)
    server: bytes


def create_keys(folder: Path) -> tuple[Path, Path]:
    """Create keys of a server and of one viewer; return their two folders.

    Folders get mode 0700, files 0600. Raises TransportError if there are keys already.
    """
    server, client = folder / "server", folder / "client"
    allowed = server / "allowed"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Private folders come first: the files are born with the process's mask.
        for place in (server, client, allowed):
            place.mkdir(mode=0o700)
    except FileExistsError as wrong:
        raise TransportError(
            f"{wrong.filename}: is there already; keys are never overwritten, name another folder"
        ) from None
    except OSError as wrong:
        raise TransportError(f"{folder}: cannot hold keys: {wrong.strerror}") from wrong
    zmq.auth.create_certificates(server, "server")
    zmq.auth.create_certificates(client, "client")
    shutil.copy(server / "server.key", client)
    shutil.copy(client / "client.key", allowed)
    for file in (*server.glob("*.key*"), *client.glob("*.key*"), *allowed.glob("*.key")):
        file.chmod(0o600)
    return server, client


def load_server_keys(folder: Path) -> ServerKeys:
    """Read the server's folder that `create_keys` made.

    Raises TransportError if a file is missing or readable by others, or nobody may watch.
    """
    public, secret = _load_pair(folder / "server.key_secret")
    allowed = folder / "allowed"
    if not any(allowed.glob("*.key")):
        raise TransportError(
            f"{allowed}: holds no viewer's key, so nobody could watch; copy one in"
        )
    for file in allowed.glob("*.key"):
        _load_public(file)
    return ServerKeys(public, secret, allowed)


def load_client_keys(folder: Path) -> ClientKeys:
    """Read the viewer's folder that `create_keys` made.

    Raises TransportError if a file is missing or the secret is readable by others.
    """
    public, secret = _load_pair(folder / "client.key_secret")
    return ClientKeys(public, secret, _load_public(folder / "server.key"))


def serve(socket: zmq.Socket[bytes], keys: ServerKeys) -> ThreadAuthenticator:
    """Let only the viewers on the list connect to a socket that is not bound yet.

    Returns the running authenticator; stop it after the socket is closed.
    """
    socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN.encode())
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
    authenticator = ThreadAuthenticator(socket.context)
    # Listed before the thread starts: there is no moment in which nothing is checked.
    authenticator.configure_curve(domain=DOMAIN, location=keys.allowed.absolute())
    authenticator.start()
    return authenticator


def join(socket: zmq.Socket[bytes], keys: ClientKeys) -> None:
    """Encrypt a socket that is not connected yet, and connect to the trusted server only."""
    socket.setsockopt(zmq.CURVE_SERVERKEY, keys.server)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)


def _load_pair(file: Path) -> tuple[bytes, bytes]:
    folder = file.parent
    if (folder / "server").is_dir() and (folder / "client").is_dir():
        raise TransportError(
            f"{folder}: holds the keys of both sides; name {folder / 'server'} where the stream "
            f"is made and {folder / 'client'} where it is watched"
        )
    try:
        mode = file.stat().st_mode & 0o777
    except OSError as wrong:
        raise _unreadable(file, wrong) from wrong
    if mode & 0o077:
        raise TransportError(f"{file}: others can read this secret (mode {mode:o}); chmod 600 it")
    public, secret = _load(file)
    if secret is None:
        raise TransportError(f"{file}: holds no secret key; create keys anew")
    return public, secret


def _load_public(file: Path) -> bytes:
    return _load(file)[0]


def _load(file: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = zmq.auth.load_certificate(file)
    except (OSError, ValueError) as wrong:
        raise _unreadable(file, wrong) from wrong
    for key in (public, secret):
        if key is not None and len(key) != KEY_CHARACTERS:
            raise TransportError(f"{file}: a key has {KEY_CHARACTERS} characters, not {len(key)}")
    return public, secret


def _unreadable(file: Path, wrong: Exception) -> TransportError:
    reason = wrong.strerror if isinstance(wrong, OSError) and wrong.strerror else str(wrong)
    return TransportError(
        f"{file}: is no readable key file: {reason}; was the folder copied whole?"
    )
