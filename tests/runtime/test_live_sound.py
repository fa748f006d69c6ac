"""The sound of network sources: sent by the process that reads them, heard in the engine's."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import av
import pytest

from stereocast.bench.beep_flash import Film, write_film
from stereocast.runtime.packet import SoundPacket
from stereocast.runtime.sound.coder import coder_for
from stereocast.runtime.sound.live import OLDEST_NS, LiveSound
from stereocast.runtime.sound.parcel import MAX_BYTES, Parcel, read_parcel
from stereocast.runtime.sound.sender import SoundSender
from stereocast.runtime.source.live.recipe import SourceConfig, read_address
from stereocast.runtime.source.live.source import LiveSource
from stereocast.runtime.wire import Audio
from tests.patience import eventually
from tests.sounds import NANO, Audience, onsets_s

MS = 1_000_000
PACKET = SoundPacket(b"opus", 0, 960, 2, pre_skip=312, is_discontinuous=True)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    heard, said = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with heard, said:
        yield heard, said


def test_a_parcel_reads_back_and_rubbish_is_none() -> None:
    parcel = Parcel(77, 3, 5 * NANO, PACKET)
    assert read_parcel(parcel.to_bytes()) == parcel
    assert read_parcel(b"") is None and read_parcel(b"x" * 23) is None
    rng = random.Random(0)
    for _ in range(500):
        read_parcel(rng.randbytes(rng.randrange(60)))


def test_what_a_reader_sends_is_heard_with_the_pictures_times(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    heard, said = pair
    audience, first_ns = Audience(), time.monotonic_ns() - NANO
    with closing(LiveSound(heard, Audio(channels=2), lambda moment: moment - first_ns)) as sound:
        sound.start(audience)
        now_ns = time.monotonic_ns()
        said.send(Parcel(1, 1, now_ns - OLDEST_NS - NANO, PACKET).to_bytes())  # of yesterday
        said.send(b"rubbish that is long enough to have a head")
        for run, epoch in ((1, 1), (1, 1), (1, 2), (2, 1)):
            said.send(Parcel(run, epoch, now_ns, PACKET).to_bytes())
        eventually(lambda: len(audience.heard) == 4)
    assert [one.epoch for one in audience.heard] == [1, 1, 2, 3]
    assert {one.packet.pts_ns for one in audience.heard} == {now_ns - first_ns}
    assert {one.t_capture_ns for one in audience.heard} == {now_ns}
    assert audience.notices == [] and sound.notes == ()


def test_sound_of_no_known_time_is_left_out(pair: tuple[socket.socket, socket.socket]) -> None:
    heard, said = pair
    audience, known = Audience(), threading.Event()
    pts_of = lambda moment: 7 if known.is_set() else None  # noqa: E731
    with closing(LiveSound(heard, Audio(channels=2), pts_of)) as sound:
        sound.start(audience)
        said.send(Parcel(1, 1, time.monotonic_ns(), PACKET).to_bytes())
        said.send(Parcel(1, 1, time.monotonic_ns(), PACKET).to_bytes())
        known.set()

        def is_heard() -> bool:
            said.send(Parcel(1, 1, time.monotonic_ns(), PACKET).to_bytes())
            return bool(audience.heard)

        eventually(is_heard)
    assert {one.packet.pts_ns for one in audience.heard} == {7}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return write_film(path, Film(seconds=1.2, fps=10, height=16, width=16, begins_s=0.5))


def test_a_sender_sends_at_the_moments_of_the_pictures_and_never_waits(
    film: Path, pair: tuple[socket.socket, socket.socket]
) -> None:
    heard, said = pair
    with ExitStack() as stack:
        container = stack.enter_context(av.open(str(film)))
        stream = container.streams.audio[0]
        sender = stack.enter_context(closing(SoundSender(coder_for(stream), said)))
        start_ns = time.monotonic_ns() - 2 * NANO  # all of it is late: nothing is waited for
        sender.picture(0, start_ns)
        packets = [packet for packet in container.demux(stream) if packet.size]
        for packet in packets:
            sender.put(packet)
        parcels = []
        heard.settimeout(30)
        while not parcels or parcels[-1].t_capture_ns < start_ns + NANO:
            parcel = read_parcel(heard.recv(MAX_BYTES))
            assert parcel is not None
            parcels.append(parcel)
    sounds = [
        SoundPacket(
            one.packet.data, one.t_capture_ns - start_ns, one.packet.samples, 2,
            one.packet.pre_skip,
        )
        for one in parcels
    ]  # fmt: skip
    assert onsets_s(sounds) == pytest.approx([0.5], abs=0.002)
    assert parcels[0].packet.is_discontinuous
    assert not any(one.packet.is_discontinuous for one in parcels[1:])


def test_a_sender_that_nobody_hears_loses_sound_and_says_so_when_it_goes_on(
    film: Path, pair: tuple[socket.socket, socket.socket]
) -> None:
    heard, said = pair
    said.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with ExitStack() as stack:
        container = stack.enter_context(av.open(str(film)))
        stream = container.streams.audio[0]
        sender = stack.enter_context(closing(SoundSender(coder_for(stream), said)))
        sender.picture(0, time.monotonic_ns() - 2 * NANO)
        packets = [packet for packet in container.demux(stream) if packet.size]
        for packet in packets[:40]:
            sender.put(packet)
        eventually(lambda: not sender.waiting)
        heard.settimeout(30)
        before = 0
        while (parcel := read_parcel(heard.recv(MAX_BYTES))) and not (
            parcel.packet.is_discontinuous and before
        ):
            before += 1
            for packet in packets[40:42]:
                sender.put(packet)
    assert 0 < before < 40


def broadcast(film: Path, server: socket.socket, stop: threading.Event) -> None:
    """Send a film as MPEG-TS, in real time, to whoever connects first."""
    peer, _ = server.accept()

    class Pipe:
        def write(self, data: bytes) -> int:
            peer.sendall(bytes(data))
            return len(data)

    with (
        peer,
        suppress(OSError, av.FFmpegError),
        av.open(str(film)) as source,
        av.open(Pipe(), "w", format="mpegts") as output,
    ):
        streams = {s.index: output.add_stream_from_template(s) for s in source.streams}
        began = time.monotonic()
        for packet in source.demux():
            if packet.dts is None or packet.time_base is None:
                continue
            late_s = time.monotonic() - began - float(packet.dts * packet.time_base)
            if stop.wait(max(0.0, -late_s)):
                return
            packet.stream = streams[packet.stream_index]
            output.mux(packet)


@pytest.mark.slow
def test_a_broadcast_over_the_network_is_heard_on_its_pictures_time_line(tmp_path: Path) -> None:
    film = write_film(
        tmp_path / "film.mkv", Film(seconds=12, fps=10, height=48, width=64, begins_s=0.5)
    )
    stop, audience = threading.Event(), Audience()
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        sender = threading.Thread(target=broadcast, args=(film, server, stop), daemon=True)
        sender.start()
        stack.callback(sender.join, 10)
        stack.callback(stop.set)
        config = SourceConfig(open_s=30.0)
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        source = stack.enter_context(
            closing(LiveSource(read_address(address, config), config=config))
        )
        sound = source.sound()
        assert sound is not None and sound.audio == Audio(channels=2)
        stack.enter_context(closing(sound))
        sound.start(audience)
        arrivals = source.arrivals()
        deadline_s = time.monotonic() + 30
        while len(audience.heard) < 100 and time.monotonic() < deadline_s:
            next(arrivals)
    assert len(audience.heard) >= 100 and audience.notices == []
    assert len({one.t_capture_ns - one.packet.pts_ns for one in audience.heard}) == 1
    assert audience.heard[0].packet.is_discontinuous
