"""Damaged, foreign and hostile files: one clear line each, nothing left open, nobody called."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import av
import pytest

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.file import FileOptions, FileSource
from stereocast.runtime.source.open import open_source
from tests import clips
from tests.clips import Clip


def read(path: Path, **options: object) -> tuple[int, str | None, FileSource | None]:
    """Return how many frames came, the error that ended them, and the closed source."""
    count = 0
    try:
        source = FileSource(path, options=FileOptions(**options))  # type: ignore[arg-type]
    except SourceError as error:
        return 0, str(error), None
    with closing(source):
        try:
            for _ in source:
                count += 1
        except SourceError as error:
            return count, str(error), source
    return count, None, source


def _text(path: Path) -> Path:
    path.write_text("hello\n" * 800)
    return path


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _tiny(path: Path) -> Path:
    return clips.write(path, Clip(height=1, width=1, pix_fmt="yuv444p"))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _playlist(path: Path) -> Path:
    clips.write(path.with_suffix(".ts"), Clip())
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
        f"{path.with_suffix('.ts').name}\n#EXT-X-ENDLIST\n"
    )
    return path


def _cover_only(path: Path) -> Path:
    clips.audio_only(path)
    with av.open(path) as sound, av.open(path.with_suffix(".cover.mp4"), "w") as output:
        track = output.add_stream_from_template(sound.streams.audio[0])
        cover = output.add_stream("mjpeg", rate=1)
        cover.codec_context.width, cover.codec_context.height = 64, 48
        cover.codec_context.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = next(clips.rgb_frames(Clip(pix_fmt="yuvj420p", count=1)))
        output.mux(cover.encode(frame) + cover.encode())
        for packet in sound.demux(audio=0):
            if packet.dts is not None:
                packet.stream = track
                output.mux(packet)
    return path.with_suffix(".cover.mp4")


REFUSED: list[tuple[str, Callable[[Path], Path], str]] = [
    ("missing.mp4", lambda path: path, "no such file"),
    ("folder.mp4", _folder, "not a file"),
    ("empty.mp4", _empty, r"empty file \(0 bytes\)"),
    ("text.mp4", _text, "not a video"),
    ("audio.m4a", clips.audio_only, r"no video stream \(the file holds audio\)"),
    ("cover.m4a", _cover_only, "no video stream"),
    ("lost.mp4", clips.index_lost, r"index \(moov\) missing or damaged"),
    ("tiny.mp4", _tiny, r"picture too small \(1x1\)"),
    ("list.m3u8", _playlist, "a playlist or another format"),
]


@pytest.mark.parametrize(("name", "make", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_file_that_is_no_video_is_refused_in_one_line(
    tmp_path: Path, name: str, make: Callable[[Path], Path], words: str
) -> None:
    path = make(tmp_path / name)
    with pytest.raises(SourceError, match=words) as caught:
        FileSource(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_damage_in_the_middle_ends_the_source_after_the_good_pictures(tmp_path: Path) -> None:
    count, error, source = read(clips.damaged(tmp_path / "a.mp4", packet=10))
    assert count == 10
    assert error is not None and "at picture 10" in error
    assert source is not None and source.report["decode_errors"] == 1


def test_skip_damage_goes_on_and_counts(tmp_path: Path) -> None:
    count, error, source = read(clips.damaged(tmp_path / "a.mp4", packet=10), skip_damage=True)
    assert (count, error) == (19, None)
    assert source is not None
    assert source.report["decode_errors"] == 1
    assert "packets that could not be decoded: 1" in source.remarks


def test_a_damaged_beginning_is_skipped(tmp_path: Path) -> None:
    path = clips.unordered(tmp_path / "whole.ts")
    cut = tmp_path / "cut.ts"
    whole = path.read_bytes()
    cut.write_bytes(whole[len(whole) // 3 :])
    count, error, source = read(cut)
    assert error is None
    assert 20 <= count < 40
    assert source is not None


def test_a_damaged_last_packet_is_a_normal_end(tmp_path: Path) -> None:
    count, error, source = read(clips.damaged(tmp_path / "a.mp4", packet=19))
    assert (count, error) == (19, None)
    assert source is not None and source.report["decode_errors"] == 1


def test_a_cut_off_file_delivers_what_it_holds_then_says_so(tmp_path: Path) -> None:
    count, error, _ = read(clips.truncated(tmp_path / "a.mp4"))
    assert 10 <= count < 30
    assert error is not None and "ends early" in error and "of 30 pictures" in error


def test_nothing_but_garbage_after_the_header_is_one_error(tmp_path: Path) -> None:
    path = clips.damaged(tmp_path / "a.mp4", packet=0)
    with av.open(path) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    content = bytearray(path.read_bytes())
    for begin, size in places:
        content[begin : begin + size] = b"\xff" * size
    path.write_bytes(content)
    with pytest.raises(SourceError, match="no picture can be decoded"):
        FileSource(path)


def test_too_many_pixels_are_refused(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", Clip())
    with pytest.raises(SourceError, match="64x48 is more than 3000 pixels"):
        FileSource(path, options=FileOptions(max_pixels=3000))


def test_a_picture_that_outgrows_the_limit_later_ends_the_source(tmp_path: Path) -> None:
    count, error, _ = read(clips.size_change(tmp_path / "a.h264", count=200), max_pixels=4000)
    assert 190 <= count <= 200
    assert error is not None and "at picture" in error


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ffconcat", "list.sdp"])
def test_a_playlist_in_disguise_calls_nobody(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        url = f"http://127.0.0.1:{canary.getsockname()[1]}/a.ts"
        texts = {
            ".ffconcat": f"ffconcat version 1.0\nfile {url}\n",
            ".sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
            "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        }
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n"
        path = tmp_path / name
        path.write_text(texts.get(path.suffix, playlist))
        with pytest.raises(SourceError):
            FileSource(path)
        with pytest.raises(TimeoutError):
            canary.accept()


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts /proc/self/fd")
def test_nothing_stays_open(tmp_path: Path) -> None:
    good = clips.write(tmp_path / "good.mp4", Clip())
    bad = [make(tmp_path / name) for name, make, _ in REFUSED]
    before = _open_files()
    for path in [good, clips.damaged(tmp_path / "damaged.mp4"), *bad]:
        read(path)
    half_read = FileSource(good)
    next(iter(half_read))
    half_read.close()
    half_read.close()
    assert _open_files() == before


def test_an_existing_file_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips.write(tmp_path / "a.mp4", Clip()).rename(tmp_path / "http:odd|name.mp4")
    monkeypatch.chdir(tmp_path)
    for address in (
        "http:odd|name.mp4",
        "file:http:odd|name.mp4",
        f"file://{tmp_path}/http:odd|name.mp4",
    ):
        with closing(open_source(address, FileOptions())) as source:
            assert source.info.width == 64


@pytest.mark.parametrize("address", ["ftp://127.0.0.1:9/a.mp4", "srt://host:1", "concat:a|b"])
def test_unknown_kinds_of_source_list_what_is_supported(address: str) -> None:
    with pytest.raises(SourceError, match=r"unknown kind of source .* testsrc:"):
        open_source(address, FileOptions())
    with pytest.raises(SourceError, match="no such file"):
        FileSource(address)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.h264"])
def test_flipped_bytes_never_raise_anything_else(tmp_path: Path, name: str) -> None:
    whole = clips.unordered(tmp_path / name).read_bytes()
    path = tmp_path / f"flipped.{name}"
    chance = random.Random(name)
    for trial in range(100):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 4, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        end = len(content) if trial % 3 else chance.randrange(len(content))
        path.write_bytes(content[:end])
        count, error, _ = read(path, skip_damage=trial % 2 == 0, start_s=0.3 * (trial % 5 == 0))
        assert count <= 60
        assert error is None or "\n" not in error
