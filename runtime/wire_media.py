"""The messages of SCST/1 that carry media behind a fixed header of 64 bytes: FRAME and SOUND.

Both have the same header and the same clocks, so that sound and picture with equal times belong
together. Import everything from runtime/wire.py. Pure: bytes in, frozen dataclasses out.
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
from stereocast.runtime.wire_messages import VERSION

MAGIC = b"SCST"
HEADER = struct.Struct("<4sBBHIIQQQIHHHHI8x")
MAX_PAYLOAD_BYTES = 32 * 1024 * 1024
MAX_DEP = 2**16 - 1
SOUND_RATE_HZ = 48_000
"""Samples a second that every SOUND counts in; Opus knows no other clock."""
MAX_SOUND_SAMPLES = 5760
"""Of each channel in one packet: 120 ms, the longest that Opus has."""
MAX_SOUND_BYTES = 48 * 1276
"""Of one packet: as many frames as it can have (RFC 6716, 3.2.5), each as long as it can be."""

_KNOWN_FLAGS = 0x3F
_SEND_TIME_OFFSET = 32


class Flag(IntFlag):
    """Bits of a header; bits that are not named here are ignored on receipt."""

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


class AudioCodec(IntEnum):
    """How a SOUND's payload is coded. The numbers are frozen."""

    OPUS = 1


LAYOUT_NUMBERS: Mapping[Layout, int] = MappingProxyType({
    Layout.FULL_SBS: 1, Layout.HALF_SBS: 2, Layout.FULL_TB: 3, Layout.HALF_TB: 4,
    Layout.CROSS_EYED: 5, Layout.ANAGLYPH: 6, Layout.RGB_DEPTH: 7, Layout.DEBUG_GRID: 8,
    Layout.VR180: 9,
})  # fmt: skip
"""The numbers of the eye arrangements in a FRAME header. Frozen."""

_LAYOUTS = MappingProxyType({number: layout for layout, number in LAYOUT_NUMBERS.items()})


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


@dataclass(frozen=True, kw_only=True)
class SoundMessage:
    """One packet of sound on its way to a viewer that asked for sound.

    epoch      grows when the sound's times start anew: after a seek, a pause, a reconnection
    seq        counts the packets; gaps are packets that did not come
    pre_skip   samples at its beginning that are no sound yet and must be thrown away
    samples    of each channel, at 48 kHz, with those; 1 to 5760
    channels   1 or 2
    is_discontinuous  packets are missing before it, or its epoch begins
    header     the bytes of its header as it came; empty where it was made here
    Times are nanoseconds, and those of the first sample that is to be heard: src_pts_ns on the time
    line of the pictures' src_pts_ns; t_capture_ns when a picture of that very time is captured, on
    the server's monotonic clock.
    """

    TYPE: ClassVar[bytes] = b"A"
    codec: AudioCodec = AudioCodec.OPUS
    epoch: int
    seq: int
    src_pts_ns: int
    t_capture_ns: int
    t_send_ns: int
    channels: int
    samples: int
    pre_skip: int = 0
    payload: bytes
    is_discontinuous: bool = False
    header: bytes = field(default=b"", compare=False, repr=False)

    @property
    def duration_ns(self) -> int:
        """How long it is heard."""
        return (self.samples - self.pre_skip) * 1_000_000_000 // SOUND_RATE_HZ


def pack_frame(frame: FrameMessage) -> list[bytes]:
    """Return the parts of a FRAME; raise WireError if its numbers do not fit their fields."""
    flags = frame.flags & ~Flag.HAS_EXT
    extension = Extension(stamps=frame.stamps, facts=frame.facts, depth=frame.depth).to_map()
    if extension:
        flags |= Flag.HAS_EXT
    if len(frame.payload) > MAX_PAYLOAD_BYTES:
        raise WireError(f"FRAME {frame.seq}: a payload of {len(frame.payload)} bytes is too long")
    rest = (frame.w, frame.h, LAYOUT_NUMBERS[frame.layout], frame.dep)
    header = _pack_header(frame, flags, rest)
    return [FrameMessage.TYPE, header, frame.payload, *([pack_map(extension)] if extension else [])]


def pack_sound(sound: SoundMessage) -> list[bytes]:
    """Return the parts of a SOUND; raise WireError if its numbers do not fit their fields."""
    _check_sound(sound.seq, (sound.channels, sound.samples, sound.pre_skip), sound.payload)
    flags = Flag.DISCONT if sound.is_discontinuous else Flag(0)
    rest = (sound.channels, sound.samples, 0, sound.pre_skip)
    return [SoundMessage.TYPE, _pack_header(sound, flags, rest), sound.payload]


def parse_frame(parts: Sequence[bytes]) -> FrameMessage:
    """Read a FRAME in full: magic, version (code `ver`), length, CRC-32C (`crc`), extension."""
    if len(parts) not in (3, 4):
        raise WireError(f"FRAME: wanted a {HEADER.size}-byte header and a payload")
    bits, codec, epoch, seq, times, (w, h, layout, dep) = _parse_header("FRAME", parts)
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
        payload=parts[2],
        flags=flags,
        stamps=extension.stamps,
        facts=extension.facts,
        depth=extension.depth,
        header=parts[1],
    )


def parse_sound(parts: Sequence[bytes]) -> SoundMessage:
    """Read a SOUND in full, as a FRAME is read; parts after its payload are ignored."""
    if len(parts) not in (3, 4):
        raise WireError(f"SOUND: wanted a {HEADER.size}-byte header and a payload")
    bits, codec, epoch, seq, times, (w, h, _, dep) = _parse_header("SOUND", parts)
    if codec not in tuple(AudioCodec):
        raise WireError(f"SOUND {seq}: codec {codec} is not known here")
    _check_sound(seq, (w, h, dep), parts[2])
    return SoundMessage(
        codec=AudioCodec(codec),
        epoch=epoch,
        seq=seq,
        src_pts_ns=times[0],
        t_capture_ns=times[1],
        t_send_ns=times[2],
        channels=w,
        samples=h,
        pre_skip=dep,
        payload=parts[2],
        is_discontinuous=bool(bits & Flag.DISCONT),
        header=parts[1],
    )


def stamp_send_time(parts: Sequence[bytes], t_send_ns: int) -> list[bytes]:
    """Return the parts of a packed FRAME or SOUND with another t_send_ns; nothing else changes."""
    header = bytearray(parts[1])
    struct.pack_into("<Q", header, _SEND_TIME_OFFSET, t_send_ns)
    return [parts[0], bytes(header), *parts[2:]]


def _pack_header(
    message: FrameMessage | SoundMessage, flags: Flag, rest: tuple[int, int, int, int]
) -> bytes:
    payload = message.payload
    times = (message.src_pts_ns, message.t_capture_ns, message.t_send_ns)
    try:
        return HEADER.pack(
            MAGIC, VERSION, flags, message.codec, message.epoch, message.seq, *times, len(payload),
            *rest, google_crc32c.value(payload),
        )  # fmt: skip
    except struct.error as wrong:
        kind = "FRAME" if isinstance(message, FrameMessage) else "SOUND"
        raise WireError(f"{kind} {message.seq}: a header field does not fit: {wrong}") from None


def _parse_header(
    kind: str, parts: Sequence[bytes]
) -> tuple[int, int, int, int, tuple[int, int, int], tuple[int, int, int, int]]:
    """Return flag bits, codec, epoch, seq, times, and what differs between kinds."""
    if len(parts[1]) != HEADER.size:
        raise WireError(f"{kind}: wanted a {HEADER.size}-byte header and a payload")
    magic, version, bits, codec, epoch, seq, *times, length, w, h, layout, dep, crc = HEADER.unpack(
        parts[1]
    )
    payload = parts[2]
    if magic != MAGIC:
        raise WireError(f"{kind}: starts with {magic!r}, not with {MAGIC!r}")
    if version != VERSION:
        raise WireError(f"{kind}: speaks version {version}; this is version {VERSION}", "ver")
    if length != len(payload) or length > MAX_PAYLOAD_BYTES:
        raise WireError(f"{kind} {seq}: says {length} bytes and brings {len(payload)}")
    if google_crc32c.value(payload) != crc:
        raise WireError(f"{kind} {seq}: the payload was damaged on its way", "crc")
    return bits, codec, epoch, seq, (times[0], times[1], times[2]), (w, h, layout, dep)


def _check_sound(seq: int, shape: tuple[int, int, int], payload: bytes) -> None:
    channels, samples, pre_skip = shape
    fits = channels in (1, 2) and 0 <= pre_skip < samples <= MAX_SOUND_SAMPLES
    if not fits or not 0 < len(payload) <= MAX_SOUND_BYTES:
        raise WireError(
            f"SOUND {seq}: {channels} channels, {samples} samples, {pre_skip} to skip and "
            f"{len(payload)} bytes are no packet of sound"
        )


def _parse_extension(parts: Sequence[bytes]) -> Extension:
    if not parts:
        raise WireError("FRAME: announces an extension and brings none")
    return Extension.from_map(unpack_map(parts[0], MAX_EXTENSION_BYTES))
