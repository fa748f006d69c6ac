"""SCST/1, the language between a stream's server and its viewers: every message, byte for byte.

Pure: bytes in, frozen dataclasses out. No sockets, no clock, no pixels. Here are FRAME with its
fixed header, and `pack` and `parse_…` for all messages; the others are defined in
runtime/wire_messages.py. Who may say what and when is runtime/viewers.py and runtime/host.py.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import ClassVar

import google_crc32c

from stereocast.engine.layout import Layout
from stereocast.runtime.wire_extension import MAX_EXTENSION_BYTES, DepthMap, Extension
from stereocast.runtime.wire_fields import WireError, pack_map, unpack_map
from stereocast.runtime.wire_messages import (
    MAX_SEQ,
    MAX_TIME_NS,
    VERSION,
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
    "AUDIO_TYPE",
    "HEADER",
    "LAYOUT_NUMBERS",
    "MAX_CONTROL_BYTES",
    "MAX_DEP",
    "MAX_PAYLOAD_BYTES",
    "MAX_SEQ",
    "MAX_TIME_NS",
    "UNKNOWN_PEER",
    "VERSION",
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
    "Stats",
    "Stream",
    "Welcome",
    "WireError",
    "pack",
    "parse_client",
    "parse_server",
    "stamp_send_time",
]

MAGIC = b"SCST"
HEADER = struct.Struct("<4sBBHIIQQQIHHHHI8x")
AUDIO_TYPE = b"A"
"""Kept for audio packets, whose layout is not fixed yet; nothing sends or reads them."""

MAX_CLIENT_MAP_BYTES = 4096
MAX_SERVER_MAP_BYTES = 65536
"""A WELCOME carries codec headers, so what a server may say is longer."""
MAX_CONTROL_BYTES = 65536
"""No part that a client sends is longer; a socket drops the peer that tries."""
MAX_PAYLOAD_BYTES = 32 * 1024 * 1024
MAX_DEP = 2**16 - 1
UNKNOWN_PEER = "hello"
"""Code of the E that answers a peer who never said HELLO, or was silent for too long."""


class Flag(IntFlag):
    """Bits of a FRAME header; bits that are not named here are ignored on receipt."""

    KEY = 0x01
    CONFIG = 0x02
    DISCONT = 0x04
    LAST_OF_AU = 0x08
    CORRUPTIBLE = 0x10
    HAS_EXT = 0x20


class Codec(IntEnum):
    """How a FRAME's payload is coded. The numbers are frozen."""

    H264 = 1
    MJPEG = 2


LAYOUT_NUMBERS: Mapping[Layout, int] = MappingProxyType({
    Layout.FULL_SBS: 1, Layout.HALF_SBS: 2, Layout.FULL_TB: 3, Layout.HALF_TB: 4,
    Layout.CROSS_EYED: 5, Layout.ANAGLYPH: 6, Layout.RGB_DEPTH: 7, Layout.DEBUG_GRID: 8,
    Layout.VR180: 9,
})  # fmt: skip
"""The numbers of the eye arrangements in a FRAME header. Frozen."""

_LAYOUTS = MappingProxyType({number: layout for layout, number in LAYOUT_NUMBERS.items()})
_KNOWN_FLAGS = 0x3F
_SEND_TIME_OFFSET = 32


@dataclass(frozen=True, kw_only=True)
class FrameMessage:
    """The coded bytes of one picture on their way to a viewer.

    seq      number of the source picture; gaps are pictures that were never encoded
    dep      how far back in seq the picture it needs is; 0 needs none
    epoch    grows when the encoder restarts
    stamps, facts, depth  its Extension, which see
    header   the bytes of its header as it came; empty where it was made here
    Times are nanoseconds: src_pts_ns of the source, the others of the server's monotonic clock.
    """

    TYPE: ClassVar[bytes] = b"F"
    codec: Codec
    epoch: int
    seq: int
    src_pts_ns: int
    t_capture_ns: int
    t_send_ns: int
    w: int
    h: int
    layout: Layout
    dep: int
    payload: bytes
    flags: Flag = Flag.LAST_OF_AU
    stamps: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)
    depth: DepthMap | None = None
    header: bytes = field(default=b"", compare=False, repr=False)

    @property
    def is_keyframe(self) -> bool:
        """Whether it can be decoded without anything before it."""
        return bool(self.flags & Flag.KEY)


ClientMessage = Hello | Credit | KeyRequest | Ping | Stats | Quality | Bye
ServerMessage = Welcome | Reconfig | Pong | Notice | End | FrameMessage

_CLIENT_TYPES = MappingProxyType(
    {kind.TYPE: kind for kind in (Hello, Credit, KeyRequest, Ping, Stats, Quality, Bye)}
)
_SERVER_TYPES = MappingProxyType(
    {kind.TYPE: kind for kind in (Welcome, Reconfig, Pong, Notice, End)}
)


def pack(message: ClientMessage | ServerMessage) -> list[bytes]:
    """Return the parts of a message, type letter first.

    Raises WireError if a FRAME's numbers do not fit their fields.
    """
    if isinstance(message, FrameMessage):
        return _pack_frame(message)
    return [message.TYPE, pack_map(message.to_map())]


def parse_client(parts: Sequence[bytes]) -> ClientMessage:
    """Read what a client sent; raise WireError, with code `type` if the type is unknown."""
    kind = _CLIENT_TYPES.get(parts[0] if parts else b"")
    if kind is None:
        raise _unknown_type(parts)
    return kind.from_map(unpack_map(_only_part(parts), MAX_CLIENT_MAP_BYTES))


def parse_server(parts: Sequence[bytes]) -> ServerMessage:
    """Read what a server sent; raise WireError, with code `type` if the type is unknown.

    A FRAME is checked in full: magic, version (code `ver`), length and CRC-32C (code `crc`).
    """
    if parts and parts[0] == FrameMessage.TYPE:
        return _parse_frame(parts)
    kind = _SERVER_TYPES.get(parts[0] if parts else b"")
    if kind is None:
        raise _unknown_type(parts)
    return kind.from_map(unpack_map(_only_part(parts), MAX_SERVER_MAP_BYTES))


def stamp_send_time(parts: Sequence[bytes], t_send_ns: int) -> list[bytes]:
    """Return the parts of a packed FRAME with another t_send_ns; nothing else is touched."""
    header = bytearray(parts[1])
    struct.pack_into("<Q", header, _SEND_TIME_OFFSET, t_send_ns)
    return [parts[0], bytes(header), *parts[2:]]


def _pack_frame(frame: FrameMessage) -> list[bytes]:
    flags = frame.flags & ~Flag.HAS_EXT
    extension = Extension(stamps=frame.stamps, facts=frame.facts, depth=frame.depth).to_map()
    if extension:
        flags |= Flag.HAS_EXT
    if len(frame.payload) > MAX_PAYLOAD_BYTES:
        raise WireError(f"FRAME {frame.seq}: a payload of {len(frame.payload)} bytes is too long")
    try:
        header = HEADER.pack(
            MAGIC,
            VERSION,
            flags,
            frame.codec,
            frame.epoch,
            frame.seq,
            frame.src_pts_ns,
            frame.t_capture_ns,
            frame.t_send_ns,
            len(frame.payload),
            frame.w,
            frame.h,
            LAYOUT_NUMBERS[frame.layout],
            frame.dep,
            google_crc32c.value(frame.payload),
        )
    except struct.error as wrong:
        raise WireError(f"FRAME {frame.seq}: a header field does not fit: {wrong}") from None
    return [FrameMessage.TYPE, header, frame.payload, *([pack_map(extension)] if extension else [])]


def _parse_frame(parts: Sequence[bytes]) -> FrameMessage:
    if len(parts) not in (3, 4) or len(parts[1]) != HEADER.size:
        raise WireError(f"FRAME: wanted a {HEADER.size}-byte header and a payload")
    magic, version, bits, codec, epoch, seq, *times, length, w, h, layout, dep, crc = HEADER.unpack(
        parts[1]
    )
    payload = parts[2]
    if magic != MAGIC:
        raise WireError(f"FRAME: starts with {magic!r}, not with {MAGIC!r}")
    if version != VERSION:
        raise WireError(f"FRAME: speaks version {version}; this is version {VERSION}", "ver")
    if length != len(payload) or length > MAX_PAYLOAD_BYTES:
        raise WireError(f"FRAME {seq}: says {length} bytes and brings {len(payload)}")
    if google_crc32c.value(payload) != crc:
        raise WireError(f"FRAME {seq}: the payload was damaged on its way", "crc")
    if codec not in tuple(Codec) or layout not in _LAYOUTS:
        raise WireError(f"FRAME {seq}: codec {codec} or layout {layout} is not known here")
    flags = Flag(bits & _KNOWN_FLAGS)
    if w == 0 or h == 0 or not flags & Flag.LAST_OF_AU or (flags & Flag.KEY and dep):
        raise WireError(f"FRAME {seq}: {w}×{h}, {flags!r}, dep {dep} contradict each other")
    extension = _parse_extension(parts[3:]) if flags & Flag.HAS_EXT else Extension()
    return FrameMessage(
        codec=Codec(codec),
        epoch=epoch,
        seq=seq,
        src_pts_ns=times[0],
        t_capture_ns=times[1],
        t_send_ns=times[2],
        w=w,
        h=h,
        layout=_LAYOUTS[layout],
        dep=dep,
        payload=payload,
        flags=flags,
        stamps=extension.stamps,
        facts=extension.facts,
        depth=extension.depth,
        header=parts[1],
    )


def _parse_extension(parts: Sequence[bytes]) -> Extension:
    if not parts:
        raise WireError("FRAME: announces an extension and brings none")
    return Extension.from_map(unpack_map(parts[0], MAX_EXTENSION_BYTES))


def _only_part(parts: Sequence[bytes]) -> bytes:
    if len(parts) != 2:
        raise WireError(f"wanted a type and a map, got {len(parts)} parts")
    return parts[1]


def _unknown_type(parts: Sequence[bytes]) -> WireError:
    letter = parts[0][:8] if parts else b""
    return WireError(f"message type {letter!r} is not known here", "type")
