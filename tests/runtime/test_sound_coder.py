"""Opus out of any sound: at its time to the sample, copied where it can be, whole after damage."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest

from stereocast.bench.beep_flash import RATE_HZ, Film, write_film
from stereocast.runtime.packet import SoundPacket
from stereocast.runtime.sound.coder import (
    GAP_NS,
    CodedOpus,
    CopiedOpus,
    SampleClock,
    SoundCoder,
    coder_for,
)
from stereocast.runtime.sound.opus import read_head, samples_of
from tests.sounds import NANO, onsets_s

MS = 1_000_000
KINDS = {
    "opus.mkv": ("libopus", 48_000, True),
    "opus.mp4": ("libopus", 48_000, True),
    "aac.mp4": ("aac", 44_100, False),
    "mp3.mkv": ("libmp3lame", 48_000, False),
    "flac.mkv": ("flac", 32_000, False),
    "aac.ts": ("aac", 48_000, False),
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    shape = {"seconds": 1.8, "fps": 10, "height": 16, "width": 16, "begins_s": 0.5}
    return {
        name: write_film(folder / name, Film(**shape, codec=codec, rate_hz=rate))  # type: ignore[arg-type]
        for name, (codec, rate, _) in KINDS.items()
    }


def coded(path: Path, begin_ns: int | None, leave_out: range = range(0)) -> list[SoundPacket]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        coder = coder_for(stream)
        if begin_ns is not None:
            coder.begin(begin_ns)
        packets = [packet for packet in container.demux(stream) if packet.size]
        kept = [packet for number, packet in enumerate(packets) if number not in leave_out]
        return [sound for packet in kept for sound in coder.code(packet)]


def start_ns(path: Path) -> int:
    """When the pictures of a film begin: MPEG-TS does not begin at 0."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert video.time_base is not None
        return round((video.start_time or 0) * video.time_base * NANO)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("begin_s", [0.0, 0.1, 1.0])
def test_a_beep_is_where_it_was(films: dict[str, Path], name: str, begin_s: float) -> None:
    zero_ns = start_ns(films[name])
    begin_ns = zero_ns + round(begin_s * NANO)
    packets = coded(films[name], begin_ns)
    beeps = [beep for beep in (0.5, 1.5) if beep >= begin_s]
    found = [onset - zero_ns / NANO for onset in onsets_s(packets)]
    assert found == pytest.approx(beeps, abs=0.001)  # Matroska rounds to milliseconds
    assert begin_ns <= packets[0].pts_ns < begin_ns + 30 * MS
    assert packets[0].is_discontinuous and not any(p.is_discontinuous for p in packets[1:])
    assert all(p.pre_skip == 0 for p in packets[1:])


@pytest.mark.parametrize("name", KINDS)
def test_opus_is_copied_and_all_else_coded(films: dict[str, Path], name: str) -> None:
    with av.open(str(films[name])) as container:
        stream = container.streams.audio[0]
        coder: SoundCoder = coder_for(stream)
        assert coder.copies is KINDS[name][2] and coder.channels == 2
        assert isinstance(coder, CopiedOpus if coder.copies else CodedOpus)
        if not coder.copies:
            return
        sources = [bytes(packet) for packet in container.demux(stream) if packet.size]
    assert [packet.data for packet in coded(films[name], None)] == sources


@pytest.mark.parametrize("name", ["opus.mkv", "aac.mp4"])
def test_packets_follow_each_other_without_gap_or_overlap(
    films: dict[str, Path], name: str
) -> None:
    packets = coded(films[name], 0)
    for before, after in pairwise(packets):
        end_ns = before.pts_ns + before.duration_ns
        assert abs(after.pts_ns - end_ns) <= MS // 10


@pytest.mark.parametrize("name", ["opus.mkv", "aac.mp4"])
def test_what_is_missing_is_a_gap_and_later_sound_stays_in_place(
    films: dict[str, Path], name: str
) -> None:
    packets = coded(films[name], 0, leave_out=range(40, 50))
    torn = [packet for packet in packets if packet.is_discontinuous]
    assert len(torn) == 2
    before = packets[packets.index(torn[1]) - 1]
    assert torn[1].pts_ns - (before.pts_ns + before.duration_ns) > GAP_NS
    assert onsets_s(packets)[-1] == pytest.approx(1.5, abs=0.001)


def test_mono_stays_mono_and_six_channels_become_two(tmp_path: Path) -> None:
    for layout, channels in (("mono", 1), ("5.1", 2)):
        path = tmp_path / f"{layout}.mkv"
        with av.open(str(path), "w") as output:
            stream = output.add_stream("flac", rate=RATE_HZ)
            stream.codec_context.layout = layout
            frame = av.AudioFrame(format="s16", layout=layout, samples=4608)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts = RATE_HZ, 0
            output.mux([*stream.encode(frame), *stream.encode(None)])
        packets = coded(path, 0)
        assert packets and {packet.channels for packet in packets} == {channels}


def test_a_clock_that_drifts_is_followed_and_one_that_jumps_is_a_beginning() -> None:
    clock, torn = SampleClock(), 0
    for number in range(500):
        pts_ns = number * 20_040_000  # 2000 ppm too slow
        placed_ns, begins = clock.place(pts_ns, 960)
        torn += begins
        assert abs(placed_ns - pts_ns) < MS
    assert torn == 1
    assert clock.place(500 * 20_040_000 + 2 * GAP_NS, 960)[1]
    assert clock.place(None, 960)[1] is False


@pytest.mark.parametrize("duration", ["2.5", "5", "10", "20", "40", "60"])
def test_a_packet_tells_how_long_it_is(duration: str) -> None:
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = RATE_HZ, "mono", "flt"  # type: ignore[union-attr,assignment]
    context.options = {"frame_duration": duration}
    context.open()
    samples = round(float(duration) * RATE_HZ / 1000)
    frame = av.AudioFrame(format="flt", layout="mono", samples=samples)
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.sample_rate = RATE_HZ
    packets = [bytes(packet) for packet in context.encode(frame)]  # type: ignore[union-attr,arg-type]
    assert [samples_of(packet) for packet in packets] == [samples]


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", None),
        (b"\x03", None),  # many frames, and no byte that says how many
        (b"\x03\x00", None),
        (b"\xfb\x06", 5760),
        (b"\xfb\x07", None),  # 140 ms
        (b"\xfa", 1920),
        (b"\x60", 480),
        (b"\x18", 2880),
    ],
)
def test_lengths_follow_rfc_6716(packet: bytes, samples: int | None) -> None:
    assert samples_of(packet) == samples


def test_a_header_that_changes_what_packets_mean_is_seen() -> None:
    plain = bytes.fromhex("4f707573486561640102380180bb0000000000")
    head = read_head(plain)
    assert head is not None and (head.channels, head.pre_skip, head.is_plain) == (2, 312, True)
    gain = read_head(plain[:16] + b"\x01\x00" + plain[18:])
    many = read_head(plain[:9] + b"\x06" + plain[10:18] + b"\x01")
    assert gain is not None and many is not None
    assert not gain.is_plain and not many.is_plain
    assert read_head(None) is read_head(plain[:18]) is read_head(b"x" * 19) is None
