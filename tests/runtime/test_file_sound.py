"""Sound beside the pictures: the same packets at the same times, and never a reason to stop."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer

from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.runtime.sink.audio import AudioFrom, AudioTrack
from stereocast.runtime.sink.file import FileSink
from stereocast.runtime.sink.output import VideoShape

Make = Callable[..., StereoFrame]
NANO = 1_000_000_000
SHAPE = VideoShape(64, 48, fps=10, layout=Layout.FULL_SBS, time_base=Fraction(1, 1000))


def write_sound(path: Path, codec: str, *, seconds: float = 2.0, delay_s: float = 0.0) -> None:
    """Write a stereo chirp, so that no two packets are alike."""
    rate = 48000
    time = np.arange(int(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * (200 + 400 * time) * time)
    samples = np.stack([tone, -tone]).astype(np.float32)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate)
        stream.codec_context.layout = "stereo"
        resampler = av.AudioResampler(stream.codec_context.format, "stereo", rate)
        for start in range(0, samples.shape[1], 4800):
            block = np.ascontiguousarray(samples[:, start : start + 4800])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = start + int(delay_s * rate)
            for resampled in resampler.resample(frame):
                output.mux(stream.encode(resampled))
        output.mux(stream.encode(None))


def sound_of(path: Path) -> list[tuple[Fraction, bytes]]:
    """Read (time, bytes) of every sound packet."""
    with av.open(str(path)) as clip:
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in clip.demux(clip.streams.audio[0])
            if packet.size and packet.pts is not None
        ]


def convert(
    path: Path, sound: AudioFrom, moving: Make, *, count: int = 20, start_ns: int | None = None
) -> FileSink:
    with FileSink(path, video=replace(SHAPE, start_ns=start_ns), audio=sound) as sink:
        for index in range(count):
            frame = moving(48, 64, index)
            pts_ns = index * NANO // 10 + (start_ns or 0)
            sink.write(StereoFrame(frame.surface, frame.layout, pts_ns, index))
    return sink


def picture_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as clip:
        frames = list(clip.decode(clip.streams.video[0]))
    return [frame.pts * frame.time_base for frame in frames if frame.pts is not None]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
@pytest.mark.parametrize("codec", ["aac", "libmp3lame"])
def test_sound_is_copied_bit_for_bit_and_pictures_keep_their_times(
    tmp_path: Path, moving: Make, codec: str, suffix: str
) -> None:
    """Both codecs begin before 0 with their run-in, which must not delay the pictures."""
    source = tmp_path / "source.mp4"
    write_sound(source, codec)
    before = sound_of(source)
    assert before[0][0] < 0
    path = tmp_path / f"out{suffix}"
    sink = convert(path, AudioFrom(source), moving)
    assert sink.notes == ()
    after = sound_of(path)
    assert [data for _, data in after] == [data for _, data in before]
    assert max(abs(a[0] - b[0]) for a, b in zip(after, before, strict=True)) <= Fraction(1, 1000)
    assert picture_times(path) == [Fraction(index, 10) for index in range(20)]


@pytest.mark.parametrize("codec", ["libopus", "mp2", "flac", "pcm_s16le"])
def test_matroska_takes_every_codec_as_it_is(tmp_path: Path, moving: Make, codec: str) -> None:
    source = tmp_path / "source.mkv"
    write_sound(source, codec)
    path = tmp_path / "out.mkv"
    assert convert(path, AudioFrom(source), moving).notes == ()
    assert [data for _, data in sound_of(path)] == [data for _, data in sound_of(source)]


@pytest.mark.parametrize("codec", ["mp2", "pcm_s16le"])
def test_sound_that_players_would_not_read_becomes_aac_and_is_announced(
    tmp_path: Path, moving: Make, codec: str
) -> None:
    source = tmp_path / "source.mkv"
    write_sound(source, codec)
    path = tmp_path / "out.mp4"
    sink = convert(path, AudioFrom(source), moving)
    assert sink.notes == (f"sound: {codec} re-encoded as AAC, which .mp4 players read",)
    with av.open(str(path)) as clip:
        assert clip.streams.audio[0].codec_context.name == "aac"
        frames = list(clip.decode(clip.streams.audio[0]))
    assert sum(frame.samples for frame in frames) / 48000 == pytest.approx(2, abs=0.05)
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    assert np.sqrt(np.mean(samples[:, 4800:-4800] ** 2)) == pytest.approx(0.3 / 2**0.5, rel=0.05)
    # The chirp passes 1000 Hz (its frequency is 200 + 800·t) one second in.
    second = samples[0, 48000 - 960 : 48000 + 960]
    crossings = np.count_nonzero(np.diff(np.signbit(second)))
    assert crossings / 2 / 0.04 == pytest.approx(1000, rel=0.05)


def test_delayed_sound_stays_delayed(tmp_path: Path, moving: Make) -> None:
    source = tmp_path / "source.mkv"
    write_sound(source, "libopus", seconds=1, delay_s=0.7)
    path = tmp_path / "out.mkv"
    convert(path, AudioFrom(source), moving)
    assert sound_of(path) == sound_of(source)
    assert sound_of(path)[0][0] > Fraction(6, 10)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_sound_is_trimmed_to_the_converted_interval(
    tmp_path: Path, moving: Make, suffix: str
) -> None:
    source = tmp_path / "source.mp4"
    write_sound(source, "aac", seconds=4)
    path = tmp_path / f"out{suffix}"
    convert(path, AudioFrom(source, trim_end=True), moving, count=10, start_ns=3 * NANO // 2)
    kept, whole = sound_of(path), sound_of(source)
    packet = Fraction(1024, 48000)
    assert -packet < kept[0][0] <= 0
    assert 1 - packet <= kept[-1][0] < 1
    data = [data for _, data in whole]
    first = data.index(kept[0][1])
    assert [data for _, data in kept] == data[first : first + len(kept)]
    assert abs(whole[first][0] - Fraction(3, 2) - kept[0][0]) <= Fraction(1, 1000)
    assert picture_times(path) == [Fraction(index, 10) for index in range(10)]


def test_untrimmed_sound_may_outlast_the_pictures(tmp_path: Path, moving: Make) -> None:
    source = tmp_path / "source.mkv"
    write_sound(source, "libopus", seconds=3)
    path = tmp_path / "out.mkv"
    convert(path, AudioFrom(source), moving, count=5)
    assert sound_of(path) == sound_of(source)


def test_sound_and_pictures_alternate_in_the_file(tmp_path: Path, moving: Make) -> None:
    source = tmp_path / "source.mkv"
    write_sound(source, "libopus")
    path = tmp_path / "out.mkv"
    convert(path, AudioFrom(source), moving)
    with av.open(str(path)) as clip:
        times = [float(p.dts * p.time_base) for p in clip.demux() if p.dts is not None and p.size]
    assert all(later >= earlier - 0.25 for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("content", "note"),
    [(None, "no sound: "), (b"", "no sound: "), (b"not a video at all" * 50, "no sound: ")],
    ids=["missing", "empty", "garbage"],
)
def test_unreadable_sound_is_a_note(
    tmp_path: Path, moving: Make, content: bytes | None, note: str
) -> None:
    source = tmp_path / "source.mp4"
    if content is not None:
        source.write_bytes(content)
    sink = convert(tmp_path / "out.mkv", AudioFrom(source), moving)
    assert len(sink.notes) == 1
    assert sink.notes[0].startswith(note)
    assert len(picture_times(tmp_path / "out.mkv")) == 20


def test_source_without_sound_is_a_note(tmp_path: Path, moving: Make) -> None:
    with FileSink(tmp_path / "mute.mkv", video=SHAPE) as sink:
        sink.write(moving(48, 64, 0))
    sink = convert(tmp_path / "out.mkv", AudioFrom(tmp_path / "mute.mkv"), moving)
    assert sink.notes == ("mute.mkv has no sound",)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_broken_sound_never_ends_the_video(tmp_path: Path, moving: Make, suffix: str) -> None:
    source = tmp_path / "source.mkv"
    write_sound(source, "mp2")
    damaged = bytearray(source.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(5000, len(damaged), 300):
        damaged[place] = rng.integers(256)
    source.write_bytes(damaged[: len(damaged) * 3 // 4])
    path = tmp_path / f"out{suffix}"
    sink = convert(path, AudioFrom(source), moving)
    assert sink.frames == 20
    assert picture_times(path) == [Fraction(index, 10) for index in range(20)]


def test_container_that_refuses_the_sound_still_takes_the_pictures(
    tmp_path: Path, moving: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(track: AudioTrack, output: OutputContainer, suffix: str) -> None:
        raise ValueError("this stream does not fit")

    source = tmp_path / "source.mkv"
    write_sound(source, "libopus")
    monkeypatch.setattr(AudioTrack, "attach", refuse)
    sink = convert(tmp_path / "out.mp4", AudioFrom(source), moving)
    assert sink.notes == ("no sound: .mp4 does not take its stream",)
    assert len(picture_times(tmp_path / "out.mp4")) == 20


@pytest.mark.parametrize("codec", ["ac3", "mp2", "libopus"])
def test_interval_without_any_sound_still_makes_a_file(
    tmp_path: Path, moving: Make, codec: str
) -> None:
    source = tmp_path / "source.mkv"
    write_sound(source, codec, seconds=1)
    convert(tmp_path / "out.mp4", AudioFrom(source), moving, start_ns=3 * NANO)
    assert len(picture_times(tmp_path / "out.mp4")) == 20


def test_failing_sound_of_a_real_file_leaves_every_picture(
    tmp_path: Path, data: Path, moving: Make
) -> None:
    source = data / "odd_videos" / "mpy_video_with_failing_audio.mp4"
    path = tmp_path / "out.mkv"
    sink = convert(path, AudioFrom(source), moving)
    assert sink.notes == ()
    assert picture_times(path) == [Fraction(index, 10) for index in range(20)]
    assert [data for _, data in sound_of(path)] == [data for _, data in sound_of(source)]
