"""Sound on its way to browsers: to whom it goes, whole, and in nobody's way."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.packet import SoundPacket
from tests.patience import PATIENCE_S, eventually
from tests.strip_stream import StripServer
from tests.web_gateway.conftest import Browser, Serve, seq_of

STEREO = wire.Audio(channels=2)


def sounding(server: StripServer) -> Callable[[], int]:
    """Return what sends the next packet, and says how many viewers asked for sound."""
    numbers = itertools.count()

    def send() -> int:
        number = next(numbers)
        packet = SoundPacket(b"opus %d" % number, pts_ns=number, samples=960, channels=2)
        return server.sink.write_sound(packet, epoch=1, t_capture_ns=100 + number)

    return send


def hear(browser: Browser, send: Callable[[], int]) -> bytes:
    """Send sound until the browser gets some; return the first that comes."""
    while True:
        send()
        try:
            message = browser.socket.recv(0.1)
        except TimeoutError:
            continue
        if isinstance(message, bytes) and message[:1] == b"A":
            return message


def sounds_until_frame(browser: Browser) -> list[bytes]:
    """Return the sounds that come before the next picture."""
    found: list[bytes] = []
    while True:
        message = browser.socket.recv(PATIENCE_S)
        if isinstance(message, bytes):
            if message[:4] == b"SCST":
                return found
            found.append(message)


def test_a_browser_is_told_of_the_sound_and_that_there_is_none(
    serve: Serve, address: Address
) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000, audio=STEREO), gateway.watch() as browser:
        audio = browser.text("welcome")["audio"]
        assert audio == {"codec": "opus", "rate": 48_000, "channels": 2}
        assert gateway.http.get("/api/status").json()["stream"]["audio"] == audio
    with StripServer(address, frames=10_000), gateway.watch() as browser:
        assert browser.text("welcome")["audio"] is None


def test_sound_passes_byte_for_byte(serve: Serve, address: Address) -> None:
    """A browser gets what a viewer of our own gets, but for the moment of sending."""
    with (
        StripServer(address, frames=10_000, audio=STEREO) as server,
        serve().watch() as browser,
        StreamClient(address, name="native", want_audio=True) as client,
    ):
        browser.say(t="sound", on=True)
        message = hear(browser, sounding(server))
        seq = seq_of(message[1:])
        native: dict[int, wire.SoundMessage] = {}
        while seq not in native:
            heard = client.receive(50)
            if isinstance(heard, wire.SoundMessage):
                native[heard.seq] = heard
    ours = bytearray(b"".join(wire.pack(native[seq])))
    theirs = bytearray(message)
    sent_at = slice(33, 41)
    ours[sent_at] = theirs[sent_at] = bytes(8)
    assert ours == theirs


def test_who_did_not_ask_or_asked_for_silence_gets_none(serve: Serve, address: Address) -> None:
    with (
        StripServer(address, frames=10_000, audio=STEREO) as server,
        serve().watch() as browser,
    ):
        send = sounding(server)
        browser.binary()
        eventually(lambda: send() == 1)
        browser.say(t="credit", n=1)
        assert sounds_until_frame(browser) == []
        browser.say(t="sound", on=True)
        assert hear(browser, send)
        browser.say(t="sound", on=False)
        browser.say(t="ping", t1=1.0)
        browser.text("pong")  # heard after the wish for silence
        for _ in range(5):
            send()
        browser.say(t="credit", n=2)
        # What had been sent to the gateway before is thrown away there, too.
        sounds_until_frame(browser)
        assert sounds_until_frame(browser) == []


def test_a_flood_of_sound_costs_no_picture_and_no_viewer(serve: Serve, address: Address) -> None:
    gateway = serve()
    with (
        StripServer(address, frames=10_000, audio=STEREO) as server,
        gateway.watch() as browser,
    ):
        send = sounding(server)
        browser.say(t="sound", on=True)
        hear(browser, send)
        for _ in range(2000):
            send()
        last = -1
        for _ in range(10):
            browser.say(t="credit", n=1)
            seq = seq_of(browser.binary())
            assert seq > last
            last = seq
        assert browser.socket.close_code is None
    assert "stereocast_web_sound_packets_total 0.0" not in gateway.http.get("/metrics").text
