"""SCST/1 byte for byte: what is sent reads back, and nothing else is believed."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import google_crc32c
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereocast.engine.errors import TransportError
from stereocast.engine.layout import Layout
from stereocast.runtime import wire
from tests.sounds import GOLDEN_SOUND

STREAM: dict[str, Any] = {
    "codec": "h264",
    "codec_string": "avc1.42c028",
    "w": 2560,
    "h": 720,
    "layout": "full-sbs",
    "fps": 29.97,
    "extradata": b"\x00\x00\x00\x01\x67",
}
CLIENT_MESSAGES: list[wire.ClientMessage] = [
    wire.Hello(client_id="c1", name="watch", codecs=("h264", "mjpeg"), credit=3, token="t"),
    wire.Hello(client_id="", name="ö 左", want_audio=True),
    wire.Credit(n=1),
    wire.Credit(n=8, last_seq=2**32 - 1, age_us=0, queue=4),
    wire.KeyRequest(reason="gap", last_good_seq=0),
    wire.KeyRequest(),
    wire.Ping(t1=2**63 - 1),
    wire.Stats(histograms={"age_ms": (0, 3, 9)}),
    wire.Quality(strength=2.5, balance=-1.0, bitrate=8_000_000),
    wire.Quality(),
    wire.Quality(paused=True, seek_s=2.5, depth=False),
    wire.Bye(),
]
SERVER_MESSAGES: list[wire.ServerMessage] = [
    wire.Welcome(**STREAM, session="s", server_t=5, limits={"max_credit": 8}),
    wire.Reconfig(**STREAM, session="s", server_t=6),
    wire.Welcome(
        **STREAM, session="s", server_t=5, can_seek=True, duration_s=8.0, live=False,
        controls={"strength": 2.5}, ranges={"strength": (0.0, 10.0)},
        audio=wire.Audio(channels=2),
    ),
    wire.Pong(t1=1, t2=2, t3=3),
    wire.Notice(level="info", code="degraded", text="smaller picture"),
    wire.End(code="eos"),
]  # fmt: skip
GOLDEN_HEADER = bytes.fromhex(
    "53 43 53 54 01 09 01 00 01 00 00 00 07 00 00 00"
    "55 62 e8 0d 00 00 00 00 00 ca 9a 3b 00 00 00 00"
    "80 60 33 3c 00 00 00 00 09 00 00 00 00 0a d0 02"
    "01 00 00 00 83 92 06 e3 00 00 00 00 00 00 00 00"
)
GOLDEN_FRAME = wire.FrameMessage(
    codec=wire.Codec.H264,
    epoch=1,
    seq=7,
    src_pts_ns=233_333_333,
    t_capture_ns=1_000_000_000,
    t_send_ns=1_010_000_000,
    w=2560,
    h=720,
    layout=Layout.FULL_SBS,
    dep=0,
    payload=b"123456789",
    flags=wire.Flag.KEY | wire.Flag.LAST_OF_AU,
)


def with_header(offset: int, value: bytes) -> list[bytes]:
    """The golden frame with some bytes of its header replaced."""
    header = GOLDEN_HEADER[:offset] + value + GOLDEN_HEADER[offset + len(value) :]
    return [b"F", header, b"123456789"]


def test_the_frame_header_is_the_golden_64_bytes() -> None:
    assert wire.pack(GOLDEN_FRAME) == [b"F", GOLDEN_HEADER, b"123456789"]


def test_the_golden_bytes_read_back_as_the_frame() -> None:
    assert wire.parse_server([b"F", GOLDEN_HEADER, b"123456789"]) == GOLDEN_FRAME


def test_the_crc_is_castagnolis() -> None:
    assert google_crc32c.value(b"123456789") == 0xE3069283


def test_numbers_on_the_wire_are_frozen() -> None:
    assert {codec.name: codec.value for codec in wire.Codec} == {"H264": 1, "MJPEG": 2}
    names = "full-sbs half-sbs full-tb half-tb cross-eyed anaglyph rgb-depth debug-grid vr180"
    assert dict(wire.LAYOUT_NUMBERS) == {Layout(name): n for n, name in enumerate(names.split(), 1)}
    assert set(wire.LAYOUT_NUMBERS) == set(Layout)
    assert [flag.value for flag in wire.Flag] == [1, 2, 4, 8, 16, 32]


@pytest.mark.parametrize("message", CLIENT_MESSAGES, ids=repr)
def test_client_messages_read_back(message: wire.ClientMessage) -> None:
    assert wire.parse_client(wire.pack(message)) == message


@pytest.mark.parametrize("message", SERVER_MESSAGES, ids=lambda m: type(m).__name__)
def test_server_messages_read_back(message: wire.ServerMessage) -> None:
    read = wire.parse_server(wire.pack(message))
    assert read == message and type(read) is type(message)


@given(
    seq=st.integers(0, 2**32 - 1),
    dep=st.integers(0, 2**16 - 1),
    pts=st.integers(0, 2**64 - 1),
    payload=st.binary(max_size=257),
    stamps=st.dictionaries(st.text("abt0123", max_size=8), st.integers(0, 2**63 - 1), max_size=9),
)
def test_frames_read_back(
    seq: int, dep: int, pts: int, payload: bytes, stamps: dict[str, int]
) -> None:
    frame = replace(
        GOLDEN_FRAME,
        seq=seq,
        dep=dep,
        src_pts_ns=pts,
        payload=payload,
        stamps=stamps,
        layout=Layout.HALF_SBS,
        codec=wire.Codec.MJPEG,
        flags=wire.Flag.LAST_OF_AU | wire.Flag.DISCONT,
    )
    read = wire.parse_server(wire.pack(frame))
    has_extension = wire.Flag.HAS_EXT if stamps else wire.Flag(0)
    assert read == replace(frame, flags=frame.flags | has_extension)


def test_the_send_time_can_be_stamped_after_packing() -> None:
    parts = wire.stamp_send_time(wire.pack(GOLDEN_FRAME), 77)
    assert wire.parse_server(parts) == replace(GOLDEN_FRAME, t_send_ns=77)


def test_unknown_flag_bits_are_ignored() -> None:
    assert wire.parse_server(with_header(5, b"\xc9")) == GOLDEN_FRAME


def test_padding_is_ignored() -> None:
    assert wire.parse_server(with_header(56, b"\xff" * 8)) == GOLDEN_FRAME


def test_unknown_fields_are_ignored() -> None:
    parts = [b"P", msgpack.packb({"t1": 5, "later": [1, {"x": None}]})]
    assert wire.parse_client(parts) == wire.Ping(t1=5)


@pytest.mark.parametrize(
    ("offset", "value", "code"),
    [
        (0, b"SCSX", "malformed"),
        (4, b"\x02", "ver"),
        (5, b"\x01", "malformed"),  # not the last of its picture: version 1 has no fragments
        (5, b"\x29", "malformed"),  # announces an extension that is not there
        (6, b"\x03", "malformed"),
        (40, b"\x08", "malformed"),
        (44, b"\x00\x00", "malformed"),
        (48, b"\x00", "malformed"),
        (50, b"\x01", "malformed"),  # a key frame that needs another
        (52, b"\x00", "crc"),
    ],
)
def test_a_wrong_header_is_refused(offset: int, value: bytes, code: str) -> None:
    with pytest.raises(wire.WireError) as refusal:
        wire.parse_server(with_header(offset, value))
    assert refusal.value.code == code


def test_a_damaged_payload_is_refused() -> None:
    with pytest.raises(wire.WireError, match="damaged"):
        wire.parse_server([b"F", GOLDEN_HEADER, b"123456788"])


@pytest.mark.parametrize("parts", [[], [b""], [b"Z", b"\x80"], [b"A", b"\x80"], [b"HH", b"\x80"]])
def test_an_unknown_type_is_told_apart(parts: list[bytes]) -> None:
    with pytest.raises(wire.WireError) as refusal:
        wire.parse_client(parts)
    assert refusal.value.code == "type"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x81\x01\x02",  # a key that is no text
        b"\x90",
        b"\xdf\xff\xff\xff\xff",  # claims four thousand million entries
        b"\x81\xa2t1\xdb\xff\xff\xff\xff",
        b"\x81\xa2t1\xc7\x01\x05\x00",  # an extension type
        b"\x81\xa2t1\xa1\xff",  # no UTF-8
        b"\x81\xa2t1\x01\x00",  # something follows
        b"\x81\xa1x" * 1300 + b"\xc0",  # a bomb
        msgpack.packb({"t1": 1, "pad": "x" * 4096}),
    ],
)
def test_a_body_that_is_no_small_map_is_refused(body: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.parse_client([b"P", body])


@pytest.mark.parametrize(
    ("letter", "fields"),
    [
        (b"P", {}),
        (b"P", {"t1": -1}),
        (b"P", {"t1": True}),
        (b"P", {"t1": 1.0}),
        (b"P", {"t1": 2**63}),
        (b"C", {"n": 0}),
        (b"C", {"n": "1"}),
        (b"K", {"reason": "a\x1b[2J"}),  # would repaint a terminal
        (b"K", {"last_good_seq": 2**32}),
        (b"H", {"name": "x", "client_id": "y", "codecs": "h264"}),
        (b"H", {"name": "x" * 65, "client_id": "y"}),
        (b"Q", {"strength": float("nan")}),
        (b"Q", {"strength": float("inf")}),
        (b"S", {"histograms": {"a": [1, "b"]}}),
        (b"S", {"histograms": [1]}),
    ],
)
def test_a_wrong_field_is_refused_in_one_line(letter: bytes, fields: dict[str, object]) -> None:
    with pytest.raises(TransportError) as refusal:
        wire.parse_client([letter, msgpack.packb(fields)])
    assert str(refusal.value).isprintable()


def test_what_cannot_be_sent_cannot_be_built() -> None:
    with pytest.raises(wire.WireError, match=r"CREDIT: n wants an integer in \[1, 65535\], got 0"):
        wire.Credit(n=0)


@pytest.mark.parametrize("change", [{"src_pts_ns": -1}, {"dep": 65536}, {"stamps": {"t": -1}}])
def test_a_frame_whose_numbers_do_not_fit_is_not_sent(change: dict[str, Any]) -> None:
    with pytest.raises(wire.WireError):
        wire.pack(replace(GOLDEN_FRAME, **change))


def test_a_client_cannot_speak_for_the_server() -> None:
    with pytest.raises(wire.WireError):
        wire.parse_client(wire.pack(SERVER_MESSAGES[0]))


def mutate(parts: list[bytes], rng: random.Random) -> list[bytes]:
    mutated = [bytearray(part) for part in parts]
    for _ in range(rng.randrange(1, 4)):
        part = rng.choice(mutated)
        where = rng.randrange(len(part) + 1)
        match rng.randrange(4):
            case 0 if part:
                part[where - 1] ^= 1 << rng.randrange(8)
            case 1:
                part[where:where] = rng.randbytes(rng.randrange(9))
            case 2:
                del part[where:]
            case _:
                mutated.insert(rng.randrange(len(mutated) + 1), bytearray(rng.randbytes(3)))
    return [bytes(part) for part in mutated]


def test_fuzzed_messages_are_read_or_refused_and_nothing_else() -> None:
    rng = random.Random(0)
    deep = wire.DepthMap(w=3, h=2, data=b"abcdef")
    rich = replace(GOLDEN_FRAME, stamps={"t0": 1}, facts={"position_s": 2.5}, depth=deep)
    messages = [*CLIENT_MESSAGES, *SERVER_MESSAGES, GOLDEN_FRAME, rich, GOLDEN_SOUND]
    valid = [wire.pack(message) for message in messages]
    read = 0
    for number in range(100_000):
        if number % 4 == 0:
            parts = [rng.randbytes(rng.choice((1, 1, 3, 64))) for _ in range(rng.randrange(5))]
        else:
            parts = mutate(rng.choice(valid), rng)
        for parse in (wire.parse_client, wire.parse_server):
            try:
                parse(parts)
                read += 1
            except wire.WireError as refusal:
                assert str(refusal).isprintable()
    assert read > 1000  # the fuzz reaches beyond the first check


def test_transport_runs_without_torch() -> None:
    modules = ("wire", "viewers", "host", "clock", "curve", "address", "client", "sink.zmq_router")
    imports = "; ".join(f"import stereocast.runtime.{module}" for module in modules)
    code = f"import sys; {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
