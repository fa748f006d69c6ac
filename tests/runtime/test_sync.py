"""Whether a frame can be decoded by whoever decoded those before it."""

from __future__ import annotations

from stereocast.engine.layout import Layout
from stereocast.runtime import wire
from stereocast.runtime.client import Sync


def frame(seq: int, dep: int, *, epoch: int = 1) -> wire.FrameMessage:
    flags = wire.Flag.LAST_OF_AU | (wire.Flag(0) if dep else wire.Flag.KEY)
    parts = wire.pack(
        wire.FrameMessage(
            codec=wire.Codec.H264,
            epoch=epoch,
            seq=seq,
            src_pts_ns=0,
            t_capture_ns=0,
            t_send_ns=0,
            w=2,
            h=2,
            layout=Layout.FULL_SBS,
            dep=dep,
            payload=b"",
            flags=flags,
        )
    )
    message = wire.parse_server(parts)
    assert isinstance(message, wire.FrameMessage)
    return message


def test_a_gap_in_numbers_is_no_loss_of_sync() -> None:
    sync = Sync()
    assert all(sync.accept(frame(seq, dep)) for seq, dep in ((3, 0), (4, 1), (9, 5), (11, 2)))


def test_a_missing_reference_is_a_loss_of_sync_until_a_key_frame() -> None:
    sync = Sync()
    verdicts = [
        sync.accept(frame(seq, dep)) for seq, dep in ((3, 0), (6, 1), (7, 1), (8, 0), (9, 1))
    ]
    assert verdicts == [True, False, False, True, True]


def test_another_epoch_needs_its_own_key_frame() -> None:
    sync = Sync()
    assert sync.accept(frame(3, 0))
    assert not sync.accept(frame(4, 1, epoch=2))


def test_a_key_frame_is_asked_for_twice_a_second_until_it_comes() -> None:
    sync = Sync()
    asked = [sync.key_due(now_ms * 1_000_000) for now_ms in (0, 100, 499, 500, 700, 1001)]
    assert asked == [True, False, False, True, False, True]
    sync.accept(frame(0, 0))
    assert not sync.key_due(9_000_000_000)
    sync.lose()
    assert sync.key_due(9_000_000_001)
