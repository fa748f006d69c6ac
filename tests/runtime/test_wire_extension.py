"""What follows a FRAME's payload, and the fields of playback: strict, bounded, ignorable."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereocast.runtime import wire
from tests.runtime.test_wire import GOLDEN_FRAME, GOLDEN_HEADER, STREAM

DEPTH = wire.DepthMap(w=3, h=2, data=bytes((0, 50, 100, 150, 200, 255)))


def with_extension(body: bytes) -> list[bytes]:
    """The golden frame, announcing and bringing an extension."""
    header = GOLDEN_HEADER[:5] + b"\x29" + GOLDEN_HEADER[6:]
    return [b"F", header, b"123456789", body]


def read_extension(fields: dict[str, Any]) -> wire.FrameMessage:
    message = wire.parse_server(with_extension(msgpack.packb(fields)))
    assert isinstance(message, wire.FrameMessage)
    return message


def test_a_frame_with_stamps_alone_is_packed_as_ever() -> None:
    parts = wire.pack(replace(GOLDEN_FRAME, stamps={"t0": 5}))
    assert parts == with_extension(bytes.fromhex("81 a6 73 74 61 6d 70 73 81 a2 74 30 05"))


def test_the_extension_is_the_golden_bytes() -> None:
    parts = wire.pack(replace(GOLDEN_FRAME, facts={"cut": 0.5}, depth=DEPTH))
    assert parts == with_extension(
        b"\x82\xa5facts\x81\xa3cut\xcb" + struct.pack(">d", 0.5)
        + b"\xa5depth\x83\xa1w\x03\xa1h\x02\xa4data\xc4\x06" + DEPTH.data
    )  # fmt: skip


@given(
    facts=st.dictionaries(
        st.text("abc_1", max_size=32), st.floats(allow_nan=False, allow_infinity=False), max_size=32
    ),
    side=st.tuples(st.integers(1, 31), st.integers(1, 31)),
)
def test_facts_and_depth_read_back(facts: dict[str, float], side: tuple[int, int]) -> None:
    depth = wire.DepthMap(w=side[0], h=side[1], data=bytes(side[0] * side[1]))
    frame = replace(GOLDEN_FRAME, facts=facts, depth=depth)
    read = wire.parse_server(wire.pack(frame))
    assert read == replace(frame, flags=frame.flags | wire.Flag.HAS_EXT)


def test_the_largest_depth_map_travels() -> None:
    depth = wire.DepthMap(w=640, h=360, data=bytes(640 * 360))
    facts = {f"{n:032}": float(n) for n in range(32)}
    stamps = {f"{n:032}": 2**63 - 1 for n in range(64)}
    read = wire.parse_server(
        wire.pack(replace(GOLDEN_FRAME, depth=depth, facts=facts, stamps=stamps))
    )
    assert isinstance(read, wire.FrameMessage)
    assert (read.depth, read.facts, read.stamps) == (depth, facts, stamps)


def test_whole_numbers_are_facts_too() -> None:
    assert read_extension({"facts": {"cut": 1}}).facts == {"cut": 1.0}


def test_what_an_extension_brings_beyond_that_is_ignored() -> None:
    depth = {"w": 1, "h": 1, "data": b"z", "unit": "m"}
    frame = read_extension({"later": [1], "depth": depth})
    assert frame.depth == wire.DepthMap(w=1, h=1, data=b"z")
    assert (frame.facts, frame.stamps) == ({}, {})


@pytest.mark.parametrize(
    "fields",
    [
        {"facts": {"a": float("nan")}},
        {"facts": {"a": float("inf")}},
        {"facts": {"a": True}},
        {"facts": {"a": "1"}},
        {"facts": {"a": None}},
        {"facts": {"a" * 33: 1.0}},
        {"facts": {"a\n": 1.0}},
        {"facts": {str(n): 1.0 for n in range(33)}},
        {"facts": [1.0]},
        {"facts": None},
        {"depth": {"w": 2, "h": 1, "data": b"abc"}},
        {"depth": {"w": 0, "h": 1, "data": b""}},
        {"depth": {"w": 641, "h": 1, "data": bytes(641)}},
        {"depth": {"w": 1.0, "h": 1, "data": b"a"}},
        {"depth": {"w": 1, "h": 1, "data": "a"}},
        {"depth": {"w": 1, "h": 1}},
        {"depth": b"a"},
        {"stamps": {"t0": -1}},
    ],
)
def test_a_wrong_extension_is_refused_in_one_line(fields: dict[str, Any]) -> None:
    with pytest.raises(wire.WireError) as refusal:
        read_extension(fields)
    assert str(refusal.value).isprintable()


def test_too_long_an_extension_is_refused() -> None:
    with pytest.raises(wire.WireError, match="at most"):
        wire.parse_server(with_extension(msgpack.packb({"pad": bytes(300_000)})))


@pytest.mark.parametrize("facts", [{"a": float("nan")}, {str(n): 0.0 for n in range(33)}])
def test_facts_that_cannot_be_read_are_not_sent(facts: dict[str, float]) -> None:
    with pytest.raises(wire.WireError):
        wire.pack(replace(GOLDEN_FRAME, facts=facts))


def test_absent_wishes_and_descriptions_do_not_travel() -> None:
    assert wire.pack(wire.Quality(strength=1.0)) == [b"Q", msgpack.packb({"strength": 1.0})]
    packed = wire.pack(wire.Welcome(**STREAM, session="s", server_t=5))[1]
    assert not {"can_seek", "duration_s", "live", "controls", "ranges"} & set(
        msgpack.unpackb(packed)
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"can_seek": 1},
        {"duration_s": float("inf")},
        {"live": "no"},
        {"controls": {"strength": float("nan")}},
        {"ranges": {"strength": (1.0, 0.0)}},
        {"ranges": {"strength": (1.0,)}},
    ],
)
def test_a_wrong_description_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(wire.WireError):
        wire.Welcome(**STREAM, session="s", server_t=5, **fields)


@pytest.mark.parametrize(
    "fields", [{"paused": 1}, {"seek_s": -1.0}, {"seek_s": float("nan")}, {"depth": "yes"}]
)
def test_a_wrong_wish_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(wire.WireError):
        wire.parse_client([b"Q", msgpack.packb(fields)])
