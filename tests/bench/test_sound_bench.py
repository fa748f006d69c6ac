"""The beep-and-flash measurement finds what is there, and sound and picture are in step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stereocast.bench import sound
from stereocast.bench.beep_flash import RATE_HZ, Film, FlashFinder, OnsetFinder, write_film


@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_a_film_has_flash_and_beep_at_the_same_instants(tmp_path: Path, codec: str) -> None:
    film = Film(seconds=3.2, fps=10, height=16, width=16, codec=codec)
    skews = sound.look_at(write_film(tmp_path / "film.mkv", film))
    assert len(skews) == 3
    assert max(map(abs, skews)) <= 1.0  # Matroska rounds to milliseconds


def test_onsets_are_found_across_blocks_and_only_after_silence() -> None:
    signal = np.zeros(2 * RATE_HZ, np.float32)
    signal[30_000:34_800] = 0.5
    signal[36_000:40_000] = 0.5  # after a moment only: the same beep
    signal[70_000:] = 0.5
    finder, found = OnsetFinder(), []
    for start in range(0, signal.size, 960):
        found += [start + at for at in finder.onsets(signal[start : start + 960])]
    assert found == [30_000, 70_000]


def test_a_flash_is_its_first_picture() -> None:
    finder = FlashFinder()
    pictures = [np.full((16, 16), value, np.uint8) for value in (16, 235, 235, 16, 235)]
    assert [finder.is_flash(picture) for picture in pictures] == [False, True, False, False, True]


def test_skews_have_signs_and_strangers_are_left_out() -> None:
    skews = sound.skews_ms([1.0, 2.0, 3.0, 9.0], [1.02, 1.99, 3.0], from_s=1.5)
    assert skews == pytest.approx([-10.0, 0.0])
    assert sound.summary(skews) == {
        "count": 2, "median": -5.0, "p50": 5.0, "p95": 9.5, "max": 10.0,
    }  # fmt: skip
    assert sound.summary([]) == {"count": 0}


@pytest.mark.slow
def test_a_streamed_film_is_in_step_in_its_recording() -> None:
    """Every picture comes, however busy the machine; what a viewer sees then is the bench's say."""
    film = Film(seconds=4.5, fps=10, height=64, width=96)
    report = sound.run(sound.Case(seconds=90, film=film, options=()))
    recorded, seen = report["recording_skew_ms"], report["skew_ms"]
    assert isinstance(recorded, dict) and isinstance(seen, dict)
    assert recorded["count"] >= 1 and recorded["max"] <= sound.GOAL_MS
    assert report["pictures"] == 45
