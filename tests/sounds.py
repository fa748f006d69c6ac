"""Sound for tests: a message whose bytes are known."""

from __future__ import annotations

from stereocast.runtime import wire

GOLDEN_SOUND = wire.SoundMessage(
    epoch=2,
    seq=7,
    src_pts_ns=233_333_333,
    t_capture_ns=1_000_000_000,
    t_send_ns=1_010_000_000,
    channels=2,
    samples=960,
    pre_skip=312,
    payload=b"123456789",
    is_discontinuous=True,
)
