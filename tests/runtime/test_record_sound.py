"""Sound in a recording: the same packets, in step with the pictures, whatever the clock does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from stereocast.bench.beep_flash import (
    RATE_HZ,
    Film,
    FlashFinder,
    OnsetFinder,
    write_film,
)
from stereocast.engine.layout import Layout
from stereocast.runtime.packet import Packet, SoundPacket
from stereocast.runtime.sink.output import VideoShape
from stereocast.runtime.sink.record import Recorder
from stereocast.runtime.sound.coder import coder_for
from stereocast.runtime.watch.decode import luma
from stereocast.runtime.wire import Audio, SoundMessage

MS = 1_000_000
NANO = 1_000_000_000
START_NS = 77 * NANO  # of the server's clock, when the source's time was 0
LEAD_NS = 200 * MS
SHAPE = VideoShape(width=32, height=16, fps=20, layout=Layout.FULL_SBS)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Packet], list[SoundPacket]]:
    """Pictures and sound of three seconds, a flash and a beep at 0.5, 1.5 and 2.5 s."""
    path = write_film(
        tmp_path_factory.mktemp("film") / "film.mkv",
        Film(seconds=3, fps=20, height=16, width=32, begins_s=0.5),
    )
    with av.open(str(path)) as film:
        video = film.streams.video[0]
        annex_b = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", video)
        units = [unit for packet in film.demux(video) for unit in annex_b.filter(packet)]
        pictures = [
            Packet(bytes(unit), round(unit.pts * unit.time_base * NANO), unit.is_keyframe)
            for unit in units
            if unit.size and unit.pts is not None
        ]
    with av.open(str(path)) as film:
        coder = coder_for(film.streams.audio[0])
        coder.begin(0)
        sounds = [s for p in film.demux(audio=0) if p.size for s in coder.code(p)]
    return pictures, sounds


def message(sound: SoundPacket, *, epoch: int = 1, start_ns: int = START_NS) -> SoundMessage:
    return SoundMessage(
        epoch=epoch, seq=0, src_pts_ns=sound.pts_ns, t_capture_ns=start_ns + sound.pts_ns,
        t_send_ns=0, channels=2, samples=sound.samples, pre_skip=sound.pre_skip,
        payload=sound.data,
    )  # fmt: skip


Media = tuple[list[Packet], list[SoundPacket]]


def feed(
    recorder: Recorder, media: Media, span_s: tuple[float, float], *, epoch: int = 1,
    start_ns: int = START_NS,
) -> None:  # fmt: skip
    """Give a recorder what a viewer gets: each picture, and before it the sound some way ahead."""
    begin_ns, end_ns = (round(second * NANO) for second in span_s)
    pictures, sounds = media
    waiting = [sound for sound in sounds if sound.pts_ns >= begin_ns]
    for picture in pictures:
        if not begin_ns <= picture.pts_ns < end_ns:
            continue
        while waiting and waiting[0].pts_ns < picture.pts_ns + LEAD_NS:
            recorder.hear(message(waiting.pop(0), epoch=epoch, start_ns=start_ns))
        recorder.write(picture, t_capture_ns=start_ns + picture.pts_ns)


def flashes_and_beeps_s(path: Path) -> tuple[list[float], list[float]]:
    flash, onset = FlashFinder(), OnsetFinder()
    with av.open(str(path)) as clip:
        flashes = [
            float(picture.time) for picture in clip.decode(video=0) if flash.is_flash(luma(picture))
        ]
    beeps: list[float] = []
    with av.open(str(path)) as clip:
        for frame in clip.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float32)[0]
            beeps += [frame.time + at / RATE_HZ for at in onset.onsets(samples)]
    return flashes, beeps


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Callable[[], Recorder]]:
    def make() -> Recorder:
        return Recorder(tmp_path / "live.mkv", codec="h264", video=SHAPE, audio=Audio(channels=2))

    yield make


def test_flash_and_beep_are_in_step_in_the_file(
    tmp_path: Path, media: Media, recording: Callable[[], Recorder]
) -> None:
    with recording() as recorder:
        feed(recorder, media, (0, 3))
    assert recorder.sounds == len(media[1]) and recorder.sounds_lost == 0
    flashes, beeps = flashes_and_beeps_s(tmp_path / "live.mkv")
    assert flashes == pytest.approx([0.5, 1.5, 2.5], abs=0.001)
    assert beeps == pytest.approx(flashes, abs=0.002)


def test_sound_packets_are_those_that_came(
    tmp_path: Path, media: Media, recording: Callable[[], Recorder]
) -> None:
    with recording() as recorder:
        feed(recorder, media, (0, 3))
    with av.open(str(tmp_path / "live.mkv")) as clip:
        assert clip.streams.audio[0].codec_context.name in ("opus", "libopus")
        written = [bytes(packet) for packet in clip.demux(audio=0) if packet.size]
    assert written == [sound.data for sound in media[1]]


def test_a_recording_that_begins_in_the_middle_is_in_step_and_begins_at_zero(
    tmp_path: Path, media: Media, recording: Callable[[], Recorder]
) -> None:
    pictures, _ = media
    begin_s = next(p.pts_ns for p in pictures if p.is_keyframe and p.pts_ns > 0) / NANO
    with recording() as recorder:
        recorder.hear(message(media[1][0]))  # of before the first picture
        feed(recorder, media, (begin_s, 3))
    flashes, beeps = flashes_and_beeps_s(tmp_path / "live.mkv")
    assert flashes and beeps == pytest.approx(flashes, abs=0.002)
    assert recorder.sounds_lost >= 1


def test_after_a_seek_back_sound_goes_on_in_step_and_what_was_ahead_is_dropped(
    tmp_path: Path, media: Media, recording: Callable[[], Recorder]
) -> None:
    with recording() as recorder:
        feed(recorder, media, (0, 1.8))
        feed(recorder, media, (0, 3), epoch=2, start_ns=START_NS + round(1.8 * NANO))
    assert recorder.jumps == 1 and recorder.sounds_lost > 0
    flashes, beeps = flashes_and_beeps_s(tmp_path / "live.mkv")
    assert len(flashes) == 5
    assert beeps == pytest.approx(flashes, abs=0.03)


def test_a_recording_of_a_stream_whose_sound_never_comes_is_whole(
    tmp_path: Path, media: Media, recording: Callable[[], Recorder]
) -> None:
    with recording() as recorder:
        feed(recorder, (media[0], []), (0, 3))
    assert recorder.sounds == 0
    with av.open(str(tmp_path / "live.mkv")) as clip:
        assert len(list(clip.decode(video=0))) == len(media[0])


def test_without_audio_sound_is_ignored(tmp_path: Path, media: Media) -> None:
    with Recorder(tmp_path / "mute.mkv", codec="h264", video=SHAPE) as recorder:
        feed(recorder, media, (0, 1))
    with av.open(str(tmp_path / "mute.mkv")) as clip:
        assert not clip.streams.audio and recorder.sounds == 0
