"""Where the playing of a file stands: what its sound is told, and when it has to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

from stereocast.runtime.sound.moments import JUMP_NS, SLIP_NS, PictureMoments
from stereocast.runtime.sound.play_line import LEAD_NS, MOST_LAG_NS, PlayLine
from tests.patience import PATIENCE_S, eventually

MS = 1_000_000
FRAME_NS = 40 * MS


def playing(start_ns: int, *, pts_ns: int = 0, turn: int = 0, lag_ns: int = 0) -> PlayLine:
    """A file whose picture of `pts_ns` was captured, and whose next one waits."""
    line = PlayLine()
    show(line, start_ns, pts_ns=pts_ns, turn=turn, lag_ns=lag_ns)
    return line


def show(line: PlayLine, start_ns: int, *, pts_ns: int, turn: int = 0, lag_ns: int = 0) -> None:
    line.awaits(pts_ns, turn)
    line.lets_out(pts_ns, start_ns + pts_ns)
    line.takes(pts_ns, start_ns + pts_ns, start_ns + pts_ns + lag_ns)
    line.awaits(pts_ns + FRAME_NS, turn)


class Asking:
    """A thread that waits for something; `answer` is there when it got it."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self.answers: list[object] = []
        self._thread = threading.Thread(target=lambda: self.answers.append(ask()), daemon=True)
        self._thread.start()

    def answer(self) -> object:
        self._thread.join(PATIENCE_S)
        return self.answers[0]

    @property
    def waits(self) -> bool:
        return not self.answers


def test_sound_is_told_when_its_picture_is_captured() -> None:
    start_ns = time.monotonic_ns() - 10 * FRAME_NS
    line = playing(start_ns)
    assert line.wait_for_stretch(0) is not None
    assert line.wait_until_due(5 * MS, 1) == start_ns + 5 * MS


def test_sound_waits_until_a_little_before_its_picture() -> None:
    line = playing(time.monotonic_ns())
    line.awaits(10_000 * MS, 0)  # the next picture is far off, as in a film of slides
    capture_ns = line.wait_until_due(LEAD_NS + 30 * MS, 1)
    assert capture_ns is not None and time.monotonic_ns() >= capture_ns - LEAD_NS


def test_before_the_first_picture_is_captured_nothing_is_let_out() -> None:
    with closing(PlayLine()) as line:
        line.awaits(0, 0)
        line.lets_out(0, time.monotonic_ns())
        asking = Asking(lambda: line.wait_until_due(0, 1))
        assert asking.waits
        due_ns = time.monotonic_ns()
        line.lets_out(0, due_ns)
        line.takes(0, due_ns, due_ns)
        assert asking.answer() == due_ns


def test_a_picture_that_waited_for_viewers_is_no_clock() -> None:
    now_ns = time.monotonic_ns()
    with closing(playing(now_ns - 5_000 * MS, lag_ns=MOST_LAG_NS + 4_000 * MS)) as line:
        asking = Asking(lambda: line.wait_until_due(0, 1))
        assert asking.waits
        # The clock begins anew with the next picture: so does the sound.
        line.lets_out(FRAME_NS, now_ns)
        assert asking.answer() is None
        stretch = line.wait_for_stretch(1)
        assert stretch is not None and (stretch.epoch, stretch.begin_ns) == (2, FRAME_NS)


def test_the_lag_of_a_busy_engine_is_part_of_the_moment() -> None:
    start_ns = time.monotonic_ns() - 50 * FRAME_NS
    line = playing(start_ns, lag_ns=12 * MS)
    for number, lag_ms in enumerate((12, 90, 11), start=1):
        show(line, start_ns, pts_ns=number * FRAME_NS, lag_ns=lag_ms * MS)
    assert line.wait_until_due(FRAME_NS, 1) == start_ns + FRAME_NS + 12 * MS


def test_sound_does_not_run_away_from_a_picture_that_waits() -> None:
    start_ns = time.monotonic_ns() - 5_000 * MS
    with closing(playing(start_ns)) as line:
        assert line.wait_until_due(FRAME_NS + LEAD_NS, 1) is not None
        asking = Asking(lambda: line.wait_until_due(FRAME_NS + LEAD_NS + 1, 1))
        assert asking.waits
        line.awaits(2 * FRAME_NS, 0)
        assert asking.answer() == start_ns + FRAME_NS + LEAD_NS + 1


def test_a_seek_ends_what_was_and_begins_at_its_first_picture() -> None:
    with closing(playing(time.monotonic_ns())) as line:
        line.awaits(10_000 * MS, 0)
        asking = Asking(lambda: line.wait_until_due(9_000 * MS, 1))
        line.awaits(3_000 * MS, 1)
        assert asking.answer() is None
        stretch = line.wait_for_stretch(1)
        assert stretch is not None and (stretch.epoch, stretch.begin_ns) == (2, 3_000 * MS)


def test_a_pause_holds_sound_and_its_end_begins_anew_with_the_picture_that_waited() -> None:
    start_ns = time.monotonic_ns() - 10 * FRAME_NS
    with closing(playing(start_ns, pts_ns=5 * FRAME_NS)) as line:
        line.pause(True)
        asking = Asking(lambda: line.wait_until_due(5 * FRAME_NS, 1))
        assert asking.waits
        line.pause(False)
        assert asking.answer() is None
        stretch = line.wait_for_stretch(1)
        assert stretch is not None and (stretch.epoch, stretch.begin_ns) == (2, 6 * FRAME_NS)


def test_closing_frees_everybody_who_waits() -> None:
    line = PlayLine()
    asking = [Asking(lambda: line.wait_for_stretch(0)), Asking(lambda: line.wait_until_due(0, 0))]
    line.close()
    assert [one.answer() for one in asking] == [None, None]
    eventually(lambda: not any(one.waits for one in asking))


def test_moments_follow_the_median_of_what_was_seen() -> None:
    moments = PictureMoments()
    assert moments.capture_ns(0) is None
    for number, late_ms in enumerate((0, 1, 0, 30, 0, 2, 0)):
        assert not moments.add(number * FRAME_NS, 7_000 * MS + number * FRAME_NS + late_ms * MS)
    assert moments.capture_ns(FRAME_NS) == 7_000 * MS + FRAME_NS


def test_moments_follow_a_clock_that_was_set_at_once_and_say_if_it_began_anew() -> None:
    moments = PictureMoments()
    for number in range(40):
        moments.add(number * FRAME_NS, number * FRAME_NS)
    assert not moments.add(41 * FRAME_NS, 41 * FRAME_NS + SLIP_NS + MS)
    assert moments.capture_ns(0) == SLIP_NS + MS
    assert moments.add(42 * FRAME_NS, 42 * FRAME_NS + SLIP_NS + JUMP_NS + 3 * MS)
    moments.forget()
    assert moments.capture_ns(0) is None
