"""SIGTERM while somebody watches and records: all of it ends within two seconds, and is whole."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests.commands import Process
from tests.patience import eventually, soonest

Start = Callable[..., Process]
LIMIT_S = 2.0
ATTEMPTS = 3
MOST_S = 60.0


def recorded(path: Path) -> int:
    """Return how many pictures of a recording can be decoded."""
    with av.open(str(path)) as film:
        return sum(1 for _ in film.decode(video=0))


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--supervise",)], ids=["alone", "supervised"])
def test_sigterm_ends_stream_and_recording_within_two_seconds(
    start: Start, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    place = f"ipc://{tmp_path / 's' / 'stream'}"

    def attempt() -> float:
        film, part = tmp_path / "film.mkv", tmp_path / ".film.partial.mkv"
        film.unlink(missing_ok=True)
        live = start("live", "testsrc:?size=160x90&fps=10", "--address", place, *flags)
        assert live.line().startswith("live at")
        watch = start("watch", place, "--record", film)
        eventually(lambda: part.exists() and part.stat().st_size > 0, within_s=MOST_S)
        began_s = time.monotonic()
        live.send(signal.SIGTERM)
        ended = live.result()
        taken_s = time.monotonic() - began_s
        seen = watch.result()
        assert (ended.code, seen.code) == (0, 0)
        assert any("the stream ended" in line for line in seen.out)
        assert not part.exists()
        assert recorded(film) >= 1
        return taken_s

    assert soonest(ATTEMPTS, LIMIT_S, attempt) <= LIMIT_S
