"""What a viewer tells of sound that it does not play."""

from __future__ import annotations

from dataclasses import replace

from stereocast.runtime.watch.sound import SoundAccount
from tests.sounds import GOLDEN_SOUND

MS = 1_000_000
BLOCK_NS = 20 * MS


def test_what_came_what_is_missing_and_when_it_would_be_heard() -> None:
    account = SoundAccount()
    for number in (*range(20), *range(23, 40)):
        capture_ns = 9_000 * MS + number * BLOCK_NS
        account.picture(80 * MS, capture_ns)
        sound = replace(
            GOLDEN_SOUND, seq=number, src_pts_ns=number * BLOCK_NS, pre_skip=0, samples=960
        )
        account.add(sound, capture_ns - 100 * MS, capture_ns)
    report = account.report()
    assert (report["packets"], report["lost"], report["epochs"]) == (37, 3, 1)
    assert (report["late"], report["resyncs"], report["delay_ms"]) == (0, 0, 80.0)
    assert report["spare_ms"] == {"p5": 180.0, "p50": 180.0}
    assert "37 packets, 3 lost" in account.sentence() and "80 ms" in account.sentence()


def test_numbers_begin_anew_without_a_loss() -> None:
    account = SoundAccount()
    for seq in (2**32 - 2, 2**32 - 1, 0, 1):
        account.add(replace(GOLDEN_SOUND, seq=seq), 5, None)
    assert account.report()["lost"] == 0 and account.report()["spare_ms"] is None
    assert SoundAccount().sentence() == "sound: none came"
