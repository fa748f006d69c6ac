"""SCST/1, the language between a stream's server and its viewers: every message, byte for byte.

Pure: bytes in, frozen dataclasses out. No sockets, no clock, no pixels. Here are `pack` and
`parse_…` for all messages; those that carry media are defined in runtime/wire_media.py, the others
in runtime/wire_messages.py. Who may say what and when is runtime/viewers.py and runtime/host.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from stereocast.runtime.wire_extension import DepthMap, Extension
from stereocast.runtime.wire_fields import WireError, pack_map, unpack_map
from stereocast.runtime.wire_media import (
    HEADER,
    LAYOUT_NUMBERS,
    MAGIC,
    MAX_DEP,
    MAX_PAYLOAD_BYTES,
    MAX_SOUND_BYTES,
    MAX_SOUND_SAMPLES,
    SOUND_RATE_HZ,
    AudioCodec,
    Codec,
    Flag,
    FrameMessage,
    SoundMessage,
    pack_frame,
    pack_sound,
    parse_frame,
    parse_sound,
    stamp_send_time,
)
from stereocast.runtime.wire_messages import (
    MAX_SEQ,
    MAX_TIME_NS,
    VERSION,
    Audio,
    Bye,
    Credit,
    End,
    Hello,
    KeyRequest,
    Notice,
    Ping,
    Pong,
    Quality,
    Reconfig,
    Stats,
    Stream,
    Welcome,
)

__all__ = [
    "HEADER",
    "LAYOUT_NUMBERS",
    "MAGIC",
    "MAX_CONTROL_BYTES",
    "MAX_DEP",
    "MAX_PAYLOAD_BYTES",
    "MAX_SEQ",
    "MAX_SOUND_BYTES",
    "MAX_SOUND_SAMPLES",
    "MAX_TIME_NS",
    "SOUND_RATE_HZ",
    "UNKNOWN_PEER",
    "VERSION",
    "Audio",
    "AudioCodec",
    "Bye",
    "ClientMessage",
    "Codec",
    "Credit",
    "DepthMap",
    "End",
    "Extension",
    "Flag",
    "FrameMessage",
    "Hello",
    "KeyRequest",
    "Notice",
    "Ping",
    "Pong",
    "Quality",
    "Reconfig",
    "ServerMessage",
    "SoundMessage",
    "Stats",
    "Stream",
    "Welcome",
    "WireError",
    "pack",
    "parse_client",
    "parse_server",
    "stamp_send_time",
]

MAX_CLIENT_MAP_BYTES = 4096
MAX_SERVER_MAP_BYTES = 65536
"""A WELCOME carries codec headers, so what a server may say is longer."""
MAX_CONTROL_BYTES = 65536
"""No part that a client sends is longer; a socket drops the peer that tries."""
UNKNOWN_PEER = "hello"
"""Code of the E that answers a peer who never said HELLO, or was silent for too long."""

ClientMessage = Hello | Credit | KeyRequest | Ping | Stats | Quality | Bye
ServerMessage = Welcome | Reconfig | Pong | Notice | End | FrameMessage | SoundMessage

_CLIENT_TYPES = MappingProxyType(
    {kind.TYPE: kind for kind in (Hello, Credit, KeyRequest, Ping, Stats, Quality, Bye)}
)
_SERVER_TYPES = MappingProxyType(
    {kind.TYPE: kind for kind in (Welcome, Reconfig, Pong, Notice, End)}
)


def pack(message: ClientMessage | ServerMessage) -> list[bytes]:
    """Return the parts of a message, type letter first.

    Raises WireError if the numbers of a FRAME or SOUND do not fit their fields.
    """
    if isinstance(message, FrameMessage):
        return pack_frame(message)
    if isinstance(message, SoundMessage):
        return pack_sound(message)
    return [message.TYPE, pack_map(message.to_map())]


def parse_client(parts: Sequence[bytes]) -> ClientMessage:
    """Read what a client sent; raise WireError, with code `type` if the type is unknown."""
    kind = _CLIENT_TYPES.get(parts[0] if parts else b"")
    if kind is None:
        raise _unknown_type(parts)
    return kind.from_map(unpack_map(_only_part(parts), MAX_CLIENT_MAP_BYTES))


def parse_server(parts: Sequence[bytes]) -> ServerMessage:
    """Read what a server sent; raise WireError, with code `type` if the type is unknown.

    FRAME and SOUND are checked in full: magic, version (code `ver`), length and CRC-32C (`crc`).
    """
    letter = parts[0] if parts else b""
    if letter == FrameMessage.TYPE:
        return parse_frame(parts)
    if letter == SoundMessage.TYPE:
        return parse_sound(parts)
    kind = _SERVER_TYPES.get(letter)
    if kind is None:
        raise _unknown_type(parts)
    return kind.from_map(unpack_map(_only_part(parts), MAX_SERVER_MAP_BYTES))


def _only_part(parts: Sequence[bytes]) -> bytes:
    if len(parts) != 2:
        raise WireError(f"wanted a type and a map, got {len(parts)} parts")
    return parts[1]


def _unknown_type(parts: Sequence[bytes]) -> WireError:
    letter = parts[0][:8] if parts else b""
    return WireError(f"message type {letter!r} is not known here", "type")
