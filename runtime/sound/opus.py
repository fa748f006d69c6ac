"""What the bytes of Opus say of themselves: how long a packet is, what its header tells. Pure.

Source: RFC 6716, 3.1 and 3.2 (packets); RFC 7845, 5.1 (OpusHead, the header in containers).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

RATE_HZ = 48_000
MAX_SAMPLES = 5760

_SILK_SAMPLES = (480, 960, 1920, 2880)
_HYBRID_SAMPLES = (480, 960)
_CELT_SAMPLES = (120, 240, 480, 960)
_HEAD = struct.Struct("<8sBBHIhB")


def samples_of(packet: bytes) -> int | None:
    """Return how many samples of each channel a packet decodes to; None: it is no packet."""
    if not packet:
        return None
    config, count_code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = _SILK_SAMPLES[config % 4]
    elif config < 16:
        frame = _HYBRID_SAMPLES[config % 2]
    else:
        frame = _CELT_SAMPLES[config % 4]
    if count_code == 3 and len(packet) < 2:
        return None
    frames = (1, 2, 2, packet[1] & 63)[count_code] if count_code == 3 else (1, 2, 2)[count_code]
    samples = frames * frame
    return samples if 0 < samples <= MAX_SAMPLES else None


@dataclass(frozen=True)
class OpusHead:
    """The header of a stream of Opus.

    pre_skip  samples at its beginning that only bring the decoder up to speed
    is_plain  its packets mean the same without the header: no gain, one stream of 1 or 2 channels
    """

    channels: int
    pre_skip: int
    is_plain: bool


def read_head(extradata: bytes | None) -> OpusHead | None:
    """Read the header of a stream; None where there is none, or none that is whole."""
    if extradata is None or len(extradata) < _HEAD.size:
        return None
    magic, version, channels, pre_skip, _, gain, family = _HEAD.unpack_from(extradata)
    if magic != b"OpusHead" or version > 15 or channels == 0:
        return None
    return OpusHead(channels, pre_skip, gain == 0 and family == 0 and channels <= 2)
