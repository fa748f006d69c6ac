"""The pure pieces of live sources: waits, places, addresses, slots, events."""

from __future__ import annotations

import os
import random

import av
import numpy as np
import pytest

from stereocast.engine.errors import ConfigError, SourceError
from stereocast.runtime.source.file import FileOptions
from stereocast.runtime.source.live.backoff import Backoff
from stereocast.runtime.source.live.clock import RunClock
from stereocast.runtime.source.live.events import Ended, Failed, Opened, Picture, parse, tell
from stereocast.runtime.source.live.recipe import (
    Recipe,
    SourceConfig,
    read_address,
    without_password,
)
from stereocast.runtime.source.live.slots import (
    SLOT_BYTES,
    SLOTS,
    SlotPicture,
    SlotReader,
    SlotWriter,
)
from stereocast.runtime.source.live.slots import make_memory as make
from stereocast.runtime.source.open import open_source


def test_waits_double_to_ten_seconds_and_are_off_by_a_fifth_at_most():
    backoff = Backoff(chance=random.Random(1))
    for nominal in (0.5, 1, 2, 4, 8, 10, 10):
        assert 0.8 * nominal <= backoff.next_s() <= 1.2 * nominal
    backoff.succeeded()
    assert backoff.next_s() <= 0.6


def test_two_sources_that_fail_together_do_not_come_back_together():
    waits = {Backoff(chance=random.Random(seed)).next_s() for seed in range(20)}
    assert len(waits) == 20


def test_times_grow_and_a_long_gap_is_a_new_turn():
    clock = RunClock(gap_ns=1000)
    places = [clock.place(ns, number) for number, ns in enumerate((500, 900, 900, 1900, 2901), 1)]
    assert [place.pts_ns for place in places] == [0, 400, 401, 1400, 2401]
    assert [place.turn for place in places] == [0, 0, 0, 0, 1]


def test_numbers_keep_growing_over_what_was_dropped_and_over_new_readers():
    clock = RunClock(gap_ns=10**12)
    counted = (1, 2, 5, 1, 2, 2)
    assert [clock.place(ns, n).index for ns, n in enumerate(counted)] == [0, 1, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("screen:?region=all", "WIDTHxHEIGHT"),
        ("screen:?size=3", "has no option 'size'"),
        ("camera:?fps=fast", "fps=fast is not understood"),
        ("camera:?format=mjpeg;rm", "not understood"),
        ("web:file:///etc/passwd", "write web:https"),
        ("rtsp:camera", "not an address"),
    ],
)
def test_an_address_that_makes_no_sense_says_what_would(address, wrong):
    with pytest.raises(SourceError, match=wrong):
        read_address(address, SourceConfig())


def test_a_region_of_the_screen_reaches_the_grabber():
    recipe = read_address("screen::7.0?region=640x360+10+20&fps=15&cursor=0", SourceConfig())
    assert (recipe.url, recipe.format) == (":7.0", "x11grab")
    assert recipe.options == {
        "video_size": "640x360", "grab_x": "10", "grab_y": "20", "framerate": "15",
        "draw_mouse": "0",
    }  # fmt: skip
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_passwords_and_keys_are_never_shown():
    url = "rtsp://me:secret@cam.lan:554/live?key=hidden"
    shown = without_password(url)
    assert shown == "rtsp://me:…@cam.lan:554/live?…"
    assert read_address(url, SourceConfig()).shown == shown
    assert read_address(url, SourceConfig()).url == url


def test_only_the_protocols_of_its_scheme_may_be_opened():
    for scheme in ("http", "udp", "rtsp", "tcp"):
        recipe = read_address(f"{scheme}://host:1/x", SourceConfig())
        allowed = recipe.options["protocol_whitelist"].split(",")
        assert "file" not in allowed
        assert scheme in allowed


def test_a_live_source_is_refused_where_a_file_is_wanted():
    with pytest.raises(SourceError, match=r"stream it with `stereocast live`"):
        open_source("screen:", FileOptions())


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match=r"source\.open_s"):
        SourceConfig(open_s=0)
    with pytest.raises(ConfigError, match=r"rtsp_transport"):
        SourceConfig(rtsp_transport="smoke")


@pytest.fixture
def memory():
    descriptor = make()
    yield descriptor
    os.close(descriptor)


def noise(pixel_format: str, height: int = 17, width: int = 23) -> av.VideoFrame:
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixel_format)


def samples(frame: av.VideoFrame) -> list[bytes]:
    """Return the planes row by row, without what pads the rows."""
    size = 1 if frame.format.components[0].bits == 8 else 2
    return [
        b"".join(
            bytes(plane)[row * plane.line_size :][: plane.width * size]
            for row in range(plane.height)
        )
        for plane in frame.planes
    ]


@pytest.mark.parametrize("name", ["yuv420p", "yuvj422p", "yuv444p12le", "gray", "gbrp"])
def test_planes_go_through_a_slot_unchanged(memory, name):
    frame = noise(name)
    frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 5, 2, 16, 9
    SlotWriter(memory).write(SlotPicture(frame, 3, -7, 11, rotation=-90, aspect=(4, 3)))
    copy = SlotReader(memory).read(3)
    assert copy is not None
    got = copy.frame
    assert (copy.pts_ns, copy.t_capture_ns, copy.rotation, copy.aspect) == (-7, 11, -90, (4, 3))
    assert (got.width, got.height, got.format.name) == (23, 17, name)
    assert (got.colorspace, got.color_range, got.color_trc, got.color_primaries) == (5, 2, 16, 9)
    assert samples(got) == samples(frame)


@pytest.mark.parametrize("name", ["rgb24", "bgr0", "nv12", "yuyv422"])
def test_other_formats_become_planar_ones(memory, name):
    SlotWriter(memory).write(SlotPicture(noise(name, 18, 24), 1, 0, 0))
    copy = SlotReader(memory).read(1)
    assert copy is not None
    assert copy.frame.format.name == ("yuv444p" if name in ("nv12", "yuyv422") else "gbrp")


def test_a_picture_that_was_overtaken_is_not_there(memory):
    writer, reader = SlotWriter(memory), SlotReader(memory)
    for number in range(1, SLOTS + 2):
        writer.write(SlotPicture(noise("gray"), number, number, 0))
    assert reader.read(1) is None
    newest = reader.read(SLOTS + 1)
    assert newest is not None
    assert newest.pts_ns == SLOTS + 1


def test_what_no_reader_would_leave_is_refused(memory):
    SlotWriter(memory).write(SlotPicture(noise("gray"), 1, 0, 0))
    # Number, times, then the width: as a decoder that was taken over might set it.
    os.pwrite(memory, (1 << 31).to_bytes(4, "little"), SLOT_BYTES + 24)
    with pytest.raises(SourceError, match="the reader left a picture of 2147483648x17"):
        SlotReader(memory).read(1)


def test_events_come_through_a_pipe_as_they_were():
    events = [Opened(29.97, False, ("a", "b")), Picture(7, 9), Failed("x" * 5000), Ended()]
    out, into = os.pipe()
    for event in events:
        tell(into, event)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        got = [parse(line) for line in pipe]
    assert got == [*events[:2], Failed("x" * 1000), Ended()]


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"event": "Picture"}', b"[1]", b'{"event": "Rm"}', b"\xff"]
)
def test_what_no_reader_would_tell_is_refused(line):
    with pytest.raises(SourceError, match="no event"):
        parse(line)
