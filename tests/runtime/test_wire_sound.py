"""SOUND byte for byte: the header of a FRAME, with what a packet of Opus needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereocast.runtime import wire
from tests.sounds import GOLDEN_SOUND

GOLDEN_HEADER = bytes.fromhex(
    "53 43 53 54 01 04 01 00 02 00 00 00 07 00 00 00"
    "55 62 e8 0d 00 00 00 00 00 ca 9a 3b 00 00 00 00"
    "80 60 33 3c 00 00 00 00 09 00 00 00 02 00 c0 03"
    "00 00 38 01 83 92 06 e3 00 00 00 00 00 00 00 00"
)
STREAM: dict[str, Any] = {
    "codec": "h264", "codec_string": "avc1.42c028", "w": 34, "h": 18, "layout": "full-sbs",
    "fps": 30.0,
}  # fmt: skip


def with_header(offset: int, value: bytes, payload: bytes = b"123456789") -> list[bytes]:
    header = GOLDEN_HEADER[:offset] + value + GOLDEN_HEADER[offset + len(value) :]
    return [b"A", header, payload]


def test_the_sound_header_is_the_golden_64_bytes() -> None:
    assert wire.pack(GOLDEN_SOUND) == [b"A", GOLDEN_HEADER, b"123456789"]


def test_the_golden_bytes_read_back_as_the_sound() -> None:
    read = wire.parse_server([b"A", GOLDEN_HEADER, b"123456789"])
    assert read == GOLDEN_SOUND
    assert isinstance(read, wire.SoundMessage) and read.header == GOLDEN_HEADER


def test_numbers_of_sound_codecs_are_frozen() -> None:
    assert {codec.name: codec.value for codec in wire.AudioCodec} == {"OPUS": 1}
    assert (wire.SOUND_RATE_HZ, wire.MAX_SOUND_SAMPLES) == (48_000, 5760)


@given(
    seq=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 2**32 - 1),
    pts=st.integers(0, 2**64 - 1),
    samples=st.integers(2, 5760),
    payload=st.binary(min_size=1, max_size=257),
    is_discontinuous=st.booleans(),
)
def test_sounds_read_back(
    seq: int, epoch: int, pts: int, samples: int, payload: bytes, is_discontinuous: bool
) -> None:
    sound = replace(
        GOLDEN_SOUND, seq=seq, epoch=epoch, src_pts_ns=pts, samples=samples, channels=1,
        pre_skip=samples // 2, payload=payload, is_discontinuous=is_discontinuous,
    )  # fmt: skip
    assert wire.parse_server(wire.pack(sound)) == sound


def test_what_is_skipped_is_not_heard() -> None:
    assert GOLDEN_SOUND.duration_ns == 13_500_000


def test_the_send_time_can_be_stamped_after_packing() -> None:
    parts = wire.stamp_send_time(wire.pack(GOLDEN_SOUND), 77)
    assert wire.parse_server(parts) == replace(GOLDEN_SOUND, t_send_ns=77)


def test_unknown_flags_padding_and_further_parts_are_ignored() -> None:
    assert wire.parse_server(with_header(5, b"\xc4")) == GOLDEN_SOUND
    assert wire.parse_server([*with_header(56, b"\xff" * 8), b"later"]) == GOLDEN_SOUND


@pytest.mark.parametrize(
    ("offset", "value", "code"),
    [
        (0, b"SCSX", "malformed"),
        (4, b"\x02", "ver"),
        (6, b"\x02", "malformed"),
        (40, b"\x08", "malformed"),
        (44, b"\x00\x00", "malformed"),
        (44, b"\x03\x00", "malformed"),
        (46, b"\x00\x00", "malformed"),
        (46, b"\x81\x16", "malformed"),  # 5761 samples
        (50, b"\xc0\x03", "malformed"),  # nothing is left to be heard
        (52, b"\x00", "crc"),
    ],
)
def test_a_wrong_header_is_refused(offset: int, value: bytes, code: str) -> None:
    with pytest.raises(wire.WireError) as refusal:
        wire.parse_server(with_header(offset, value))
    assert refusal.value.code == code and str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "parts", [[b"A"], [b"A", GOLDEN_HEADER], [b"A", GOLDEN_HEADER[:-1], b"123456789"]]
)
def test_a_sound_without_its_parts_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(wire.WireError):
        wire.parse_server(parts)


def test_a_client_cannot_send_sound() -> None:
    with pytest.raises(wire.WireError) as refusal:
        wire.parse_client(wire.pack(GOLDEN_SOUND))
    assert refusal.value.code == "type"


@pytest.mark.parametrize(
    "change",
    [
        {"src_pts_ns": -1},
        {"channels": 3},
        {"samples": 5761},
        {"pre_skip": 960},
        {"payload": b""},
        {"payload": b"x" * (wire.MAX_SOUND_BYTES + 1)},
        {"epoch": 2**32},
    ],
)
def test_a_sound_whose_numbers_do_not_fit_is_not_sent(change: dict[str, Any]) -> None:
    with pytest.raises(wire.WireError):
        wire.pack(replace(GOLDEN_SOUND, **change))


def test_a_welcome_says_what_sound_there_is_or_that_there_is_none() -> None:
    described = {"session": "s", "server_t": 5, **STREAM}
    mute = msgpack.unpackb(wire.pack(wire.Welcome(**described))[1])
    heard = msgpack.unpackb(wire.pack(wire.Reconfig(**described, audio=wire.Audio(channels=2)))[1])
    assert mute["audio"] is None
    assert heard["audio"] == {"codec": "opus", "rate": 48000, "channels": 2}


@pytest.mark.parametrize("audio", [5, {"channels": 3}, {"channels": 2, "rate": 0}, {}])
def test_a_welcome_with_an_impossible_sound_is_refused(audio: object) -> None:
    welcome = {"session": "s", "server_t": 5, **STREAM, "audio": audio}
    with pytest.raises(wire.WireError):
        wire.parse_server([b"W", msgpack.packb(welcome)])
