"""The sound of a file beside its pictures: in step from its start, through pauses and seeks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from stereocast.bench.beep_flash import Film, write_film
from stereocast.runtime.mailbox import Closed
from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.sound.file import MOST_SLIPS, FileSound
from stereocast.runtime.sound.open import open_sound
from stereocast.runtime.source.file import FileOptions, FileSource
from tests import clips
from tests.clips import Clip
from tests.patience import eventually
from tests.sounds import NANO, Audience

MS = 1_000_000
pytestmark = pytest.mark.usefixtures("one_torch_thread")


class Playing:
    """A film, taken by an engine that does nothing, and its sound."""

    def __init__(self, path: Path, stack: ExitStack, *, realtime: bool, start_s: float) -> None:
        source = FileSource(path, options=FileOptions(start_s=start_s))
        self.paced = stack.enter_context(closing(PacedSource(source, realtime=realtime)))
        sound, self.notes = open_sound(source, self.paced.play)
        assert sound is not None
        self.sound = stack.enter_context(closing(sound))
        self.audience = Audience()
        self.captured: dict[int, int] = {}
        self._engine = threading.Thread(target=self._take, daemon=True)
        stack.callback(self._engine.join)
        stack.callback(self.paced.close)  # before the engine is waited for
        sound.start(self.audience)
        self.paced.start()
        self._engine.start()

    def _take(self) -> None:
        while True:
            try:
                captured = self.paced.take(0.05)
            except Closed:
                return
            if captured is not None:
                moment_ns = captured.t_capture_ns or captured.t_dequeue_ns
                self.captured[captured.frame.pts_ns] = moment_ns

    def is_in_step(self) -> None:
        """Fail unless sound says the moments at which pictures of its time were captured.

        An engine on a busy machine takes pictures late; only a mistake makes it a quarter second.
        """
        offsets = [moment - pts for pts, moment in self.captured.items()]
        for one in self.audience.heard:
            offset = one.t_capture_ns - one.packet.pts_ns
            assert min(abs(offset - known) for known in offsets) <= 250 * MS


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return write_film(path, Film(seconds=2.4, fps=20, height=16, width=16, begins_s=0.5))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("realtime", [False, True])
def test_a_file_sounds_when_it_shows(film: Path, stack: ExitStack, realtime: bool) -> None:
    playing = Playing(film, stack, realtime=realtime, start_s=0.4)
    eventually(lambda: playing.audience.heard and playing.audience.heard[-1].packet.pts_ns > NANO)
    assert playing.notes == ("sound: coded anew as Opus from aac",)
    first = playing.audience.beginnings()[0]
    assert first.packet.pts_ns >= 400 * MS and first.packet.is_discontinuous
    playing.is_in_step()


def test_a_seek_begins_anew_in_step(film: Path, stack: ExitStack) -> None:
    playing = Playing(film, stack, realtime=False, start_s=0.0)
    eventually(lambda: len(playing.audience.heard) > 5)
    assert playing.paced.seek(1.8)

    def has_gone_there() -> bool:
        return playing.audience.beginnings()[-1].packet.pts_ns >= 1799 * MS

    eventually(has_gone_there)
    eventually(lambda: playing.audience.heard[-1].packet.pts_ns > 2000 * MS)
    last = playing.audience.beginnings()[-1]
    assert last.epoch > 1 and last.packet.is_discontinuous
    playing.is_in_step()


def test_after_a_pause_it_goes_on_where_the_pictures_do(film: Path, stack: ExitStack) -> None:
    playing = Playing(film, stack, realtime=False, start_s=0.0)
    eventually(lambda: len(playing.audience.heard) > 10)
    playing.paced.pause(True)
    before, shown_ns = playing.audience.heard[-1].epoch, max(playing.captured)
    playing.paced.pause(False)
    eventually(lambda: playing.audience.heard[-1].epoch > before)
    resumed = next(one for one in playing.audience.beginnings() if one.epoch > before)
    assert resumed.packet.pts_ns >= shown_ns and resumed.packet.is_discontinuous
    playing.is_in_step()


def test_sound_ends_with_the_pictures_and_leaves_no_thread(film: Path) -> None:
    with ExitStack() as stack:
        playing = Playing(film, stack, realtime=True, start_s=2.0)
        eventually(lambda: playing.paced.box.is_finished)
        assert playing.audience.notices == []
    assert not any(thread.name == "sound" for thread in threading.enumerate())


def test_a_file_without_sound_costs_nothing(tmp_path: Path) -> None:
    source = FileSource(clips.write(tmp_path / "mute.mkv", Clip(count=2)))
    with closing(PacedSource(source)) as paced:
        assert open_sound(source, paced.play) == (None, ())


def test_sound_that_breaks_is_told_once_and_pictures_go_on(
    film: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(sound: FileSound, begin_ns: int) -> Iterator[object]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(FileSound, "_from", broken)
    playing = Playing(film, stack, realtime=True, start_s=1.8)
    eventually(lambda: playing.audience.notices)
    eventually(lambda: playing.paced.box.is_finished)
    (notice,) = playing.audience.notices
    assert (notice.code, notice.text) == ("sound", "the sound has ended: Input/output error")
    assert playing.sound.notes == (notice.text,) and len(playing.captured) > 1


def test_who_hears_gaps_of_a_slow_engine_is_told_once_what_helps(
    film: Path, stack: ExitStack
) -> None:
    playing = Playing(film, stack, realtime=False, start_s=0.0)
    playing.paced.play.slips = MOST_SLIPS
    eventually(lambda: len(playing.audience.heard) > 10)
    (notice,) = playing.audience.notices
    assert "--realtime" in notice.text and playing.sound.notes == (notice.text,)
