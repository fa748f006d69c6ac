"""The viewer: what it decodes, what it counts, and how it ends."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import pytest

from stereocast.engine.errors import TransportError
from stereocast.engine.layout import Layout
from stereocast.runtime import barcode, wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.clock import SAME_CLOCK, OffsetEstimator
from stereocast.runtime.packet import Packet
from stereocast.runtime.watch import report, session
from stereocast.runtime.watch.decode import luma
from stereocast.runtime.watch.measure import StripCounts
from stereocast.runtime.watch.outputs import Measure, Output, Outputs, Record, Snapshot
from stereocast.runtime.watch.session import Ending, WatchSession
from tests.patience import PATIENCE_S
from tests.strip_stream import (
    HEIGHT,
    WIDTH,
    ScriptedServer,
    StripServer,
    coded_frames,
    frames_of,
)


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address("", folder=tmp_path / "s")


def play(
    address: Address, script: list[list[bytes]], *outputs: Output, seconds: float = PATIENCE_S
) -> tuple[WatchSession, ScriptedServer, Ending]:
    with ScriptedServer(address, script) as server, StreamClient(address, name="test") as client:
        viewer = WatchSession(client, outputs)
        ending = viewer.run(seconds=seconds)
    return viewer, server, ending


EOS = wire.pack(wire.End(code="eos"))


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_a_stream_is_watched_to_its_end_with_honest_ages(address: Address, codec: str) -> None:
    measure = Measure()
    with (
        StripServer(address, frames=20, codec=codec, waits=True),
        StreamClient(address, name="test") as client,
    ):
        viewer = WatchSession(client, [measure])
        assert viewer.run(seconds=PATIENCE_S) is Ending.END_OF_STREAM
    assert (viewer.counts.shown, viewer.counts.skipped) == (20, 0)
    assert measure.strips.proven == measure.strips.total == viewer.counts.shown
    assert (viewer.counts.decode, viewer.counts.desync, viewer.client.damaged) == (0, 0, 0)
    assert viewer.account.total.count == viewer.counts.shown
    assert list(viewer.account.stages) == ["encode", "send", "receive", "view-decode"]
    assert 0 < viewer.account.total.min_ns <= viewer.account.total.max_ns < PATIENCE_S * 1e9


def test_a_slow_viewer_skips_frames_and_never_breaks_the_chain(address: Address) -> None:
    measure = Measure()
    with (
        StripServer(address, frames=10_000),
        StreamClient(address, name="slow") as client,
    ):
        viewer = WatchSession(client, [measure], slow_ms=60)
        assert viewer.run(frames=15) is Ending.LIMIT
    assert viewer.counts.skipped > 15
    assert (viewer.counts.decode, viewer.counts.desync) == (0, 0)
    assert measure.strips.proven == 15


def test_slow_and_fast_viewers_of_one_stream_decode_without_error(address: Address) -> None:
    with (
        StripServer(address, frames=10_000),
        StreamClient(address, name="slow") as slow_client,
        StreamClient(address, name="fast") as fast_client,
    ):
        slow = WatchSession(slow_client, [], slow_ms=100)
        thread = threading.Thread(target=slow.run)
        thread.start()
        fast = WatchSession(fast_client, [])
        fast.run(seconds=2.0)
        slow.stop()
        thread.join()
    assert fast.counts.shown > slow.counts.shown > 0
    assert (slow.counts.decode, fast.counts.decode) == (0, 0)


def test_a_recording_holds_every_shown_frame_and_says_that_it_is_stereo(
    address: Address, tmp_path: Path
) -> None:
    path = tmp_path / "out.mkv"
    with StripServer(address, frames=25), StreamClient(address, name="test") as client:
        record = Record(path, client.welcome, overwrite=False)
        outputs = Outputs(record=record)
        viewer = WatchSession(client, outputs.chosen())
        with outputs.closed(pytest.fail):
            viewer.run(seconds=PATIENCE_S)
    assert record.is_complete
    strips = StripCounts()
    with av.open(path) as container:
        for picture in container.decode(video=0):
            left, right = barcode.read_picture(luma(picture), Layout.FULL_SBS)
            assert left is not None and right is not None
            strips.judge(luma(picture), Layout.FULL_SBS, seq=left.source)
    assert strips.proven == record.frames == viewer.counts.shown > 0


def test_a_frame_damaged_on_the_way_costs_its_followers_until_the_next_key(
    address: Address,
) -> None:
    script = [wire.pack(frame) for frame in frames_of(coded_frames(5, keys=(0, 4)))]
    script[1][2] = bytes([script[1][2][0] ^ 1]) + script[1][2][1:]
    viewer, server, ending = play(address, [*script, EOS])
    assert ending is Ending.END_OF_STREAM
    assert viewer.counts == session.Counts(
        received=4, shown=2, skipped=0, desync=2, decode=0, key_requests=1
    )
    assert report.drops(viewer) == {"skipped": 0, "damaged": 1, "desync": 2, "decode": 0}
    request = next(words for words in server.heard if isinstance(words, wire.KeyRequest))
    assert (request.reason, request.last_good_seq) == ("desync", 0)
    credit = [words.n for words in server.heard if isinstance(words, wire.Credit)]
    assert credit == [1] * 5


def test_a_frame_that_does_not_decode_is_counted_and_a_key_requested(address: Address) -> None:
    coded = coded_frames(4, keys=(0, 3))
    coded[1] = Packet(b"no picture at all", coded[1].pts_ns, False)
    viewer, server, _ = play(address, [*map(wire.pack, frames_of(coded)), EOS])
    assert (viewer.counts.shown, viewer.counts.decode, viewer.counts.desync) == (2, 1, 1)
    assert any(isinstance(words, wire.KeyRequest) for words in server.heard)


def test_numbers_that_are_missing_are_frames_that_the_server_skipped(address: Address) -> None:
    coded = coded_frames(4, keys=(0, 3))
    frames = [frame for frame in frames_of(coded) if frame.seq in (0, 3)]
    viewer, _, _ = play(address, [*map(wire.pack, frames), EOS])
    assert (viewer.counts.shown, viewer.counts.skipped, viewer.counts.desync) == (2, 2, 0)


def test_a_refusal_and_a_notice_reach_the_user(address: Address) -> None:
    notices: list[str] = []
    script = [
        wire.pack(wire.Notice(level="info", code="rate", text="half the rate from now on")),
        wire.pack(wire.End(code="full", text="eight viewers are enough")),
    ]
    with ScriptedServer(address, script), StreamClient(address, name="test") as client:
        viewer = WatchSession(client, [], on_notice=notices.append)
        with pytest.raises(TransportError, match="ended: eight viewers are enough"):
            viewer.run(seconds=PATIENCE_S)
    assert notices == ["half the rate from now on"]


def test_a_server_that_vanishes_is_an_error_in_one_line(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LOST_AFTER_NS", 200_000_000)
    with pytest.raises(TransportError, match="the server vanished, nothing came for"):
        play(address, [wire.pack(frame) for frame in frames_of(coded_frames(2))], seconds=10)


def test_a_snapshot_is_the_whole_picture(address: Address, tmp_path: Path) -> None:
    path = tmp_path / "eye.png"
    snapshot = Snapshot(path, last=False, ends_watch=True)
    script = [*map(wire.pack, frames_of(coded_frames(3)))]
    viewer, _, ending = play(address, script, snapshot)
    assert (ending, viewer.counts.shown) == (Ending.FINISHED, 1)
    with av.open(path) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape == (HEIGHT, WIDTH, 3)
    left, right = barcode.read_picture(picture[..., 1], Layout.FULL_SBS)
    assert left == barcode.EyeStrip(0, 0, False)
    assert right == barcode.EyeStrip(0, 0, True)


def test_a_late_snapshot_is_the_last_picture(address: Address, tmp_path: Path) -> None:
    snapshot = Snapshot(tmp_path / "eye.png", last=True, ends_watch=True)
    play(address, [*map(wire.pack, frames_of(coded_frames(3))), EOS], snapshot)
    snapshot.close()
    with av.open(tmp_path / "eye.png") as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    left, _ = barcode.read_picture(picture[..., 1], Layout.FULL_SBS)
    assert left == barcode.EyeStrip(2, 2, False)


def test_a_local_clock_is_believed_until_the_offset_contradicts_it(address: Address) -> None:
    with ScriptedServer(address, []), StreamClient(address, name="test") as client:
        viewer = WatchSession(client, [])
        assert viewer.clock() == SAME_CLOCK
        client.clock = OffsetEstimator()
        client.clock.add(1_000, 9_000_000_500, 9_000_000_600, 2_000)
        estimate = viewer.clock()
    assert estimate is not None
    assert abs(estimate.offset_ns - 8_999_999_050) <= estimate.error_ns
