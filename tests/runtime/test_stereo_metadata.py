"""Boxes for stereo and half spheres: found by players, and never at the price of the file."""

from __future__ import annotations

import random
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stereocast.engine.errors import EncodeError
from stereocast.engine.layout import Layout
from stereocast.runtime.sink.stereo_metadata import (
    mark_stereo,
    stereo_boxes,
    with_stereo_boxes,
)


def write_clip(path: Path, *, sound: bool = False, **container_options: str) -> None:
    """Write 12 pictures of 64×48 H.264 without any stereo message of its own."""
    with av.open(str(path), "w", container_options=container_options) as output:
        video = output.add_stream("libx264", rate=Fraction(25), options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        tone = output.add_stream("aac", rate=8000) if sound else None
        for index in range(12):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * index, np.uint8))
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        if tone is not None:
            silence = np.zeros((2, 4096), np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="stereo")
            frame.sample_rate = 8000
            output.mux([*tone.encode(frame), *tone.encode(None)])


def read_clip(path: Path) -> tuple[list[bytes], list[bytes], set[str]]:
    """Read decoded pictures, sound packets and the kinds of side data."""
    with av.open(str(path)) as clip:
        frames = list(clip.decode(clip.streams.video[0]))
    with av.open(str(path)) as clip:
        sound = [bytes(p) for p in clip.demux(clip.streams.audio[0])] if clip.streams.audio else []
    kinds = {data.type.name for frame in frames for data in frame.side_data}
    return [frame.to_ndarray().tobytes() for frame in frames], sound, kinds


def with_st3d(moov: bytes, *, shift_from: int | None) -> bytes:
    return with_stereo_boxes(moov, Layout.FULL_SBS, shift_from=shift_from)


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def wide_box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def hand_made_moov(make: object = box, entry_tail: bytes = b"", tracks: int = 1) -> bytes:
    """Build a moov with one video track, whose chunks lie at 100 and 5000."""
    make_box = box if make is box else wide_box
    entry = make_box(b"avc1", bytes(78), box(b"avcC", b"abc"), entry_tail)
    stsd = make_box(b"stsd", struct.pack(">II", 0, 1), entry)
    chunks = box(b"stco", struct.pack(">4I", 0, 2, 100, 5000))
    wide_chunks = box(b"co64", struct.pack(">II2Q", 0, 2, 100, 1 << 40))
    stbl = make_box(b"stbl", stsd, chunks, wide_chunks)
    handler = box(b"hdlr", bytes(8), b"vide", bytes(12))
    track = make_box(b"trak", make_box(b"mdia", handler, make_box(b"minf", stbl)))
    return make_box(b"moov", box(b"mvhd", bytes(100)), *[track] * tracks)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}], ids=["at-end", "in-front"])
@pytest.mark.parametrize("sound", [False, True])
def test_players_find_stereo_and_the_same_pictures(
    tmp_path: Path, suffix: str, options: dict[str, str], sound: bool
) -> None:
    path = tmp_path / f"clip{suffix}"
    write_clip(path, sound=sound, **options)
    pictures, packets, kinds = read_clip(path)
    size = path.stat().st_size
    assert "STEREO3D" not in kinds
    mark_stereo(path, Layout.FULL_SBS)
    marked_pictures, marked_packets, marked_kinds = read_clip(path)
    assert "STEREO3D" in marked_kinds
    assert marked_pictures == pictures
    assert marked_packets == packets
    assert path.stat().st_size == size + 13
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("layout", [Layout.FULL_SBS, Layout.HALF_TB, Layout.VR180])
def test_marking_twice_is_marking_once(tmp_path: Path, layout: Layout) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path)
    mark_stereo(path, layout)
    once = path.read_bytes()
    mark_stereo(path, layout)
    assert path.read_bytes() == once


def test_a_half_sphere_is_an_equirectangular_picture_of_half_the_width(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, movflags="faststart")
    pictures, _, _ = read_clip(path)
    size = path.stat().st_size
    mark_stereo(path, Layout.VR180)
    marked_pictures, _, kinds = read_clip(path)
    assert {"STEREO3D", "SPHERICAL"} <= kinds
    assert marked_pictures == pictures
    assert path.stat().st_size == size + sum(map(len, stereo_boxes(Layout.VR180).values()))


@pytest.mark.parametrize(
    ("layout", "boxes"),
    [
        (Layout.HALF_SBS, "0000000d 73743364 00000000 02"),
        (Layout.FULL_TB, "0000000d 73743364 00000000 01"),
        (Layout.HALF_TB, "0000000d 73743364 00000000 01"),
        (Layout.CROSS_EYED, ""),
        (Layout.ANAGLYPH, ""),
        (Layout.RGB_DEPTH, ""),
        (
            Layout.VR180,
            "0000000d 73743364 00000000 02"
            "0000005b 73763364"
            "00000017 73766864 00000000 73746572656f6361737400"
            "0000003c 70726f6a"
            "00000018 70726864 00000000 00000000 00000000 00000000"
            "0000001c 65717569 00000000 00000000 00000000 40000000 40000000",
        ),
    ],
)
def test_every_layout_has_its_own_boxes(layout: Layout, boxes: str) -> None:
    after = with_stereo_boxes(hand_made_moov(), layout, shift_from=None)
    assert after == hand_made_moov(entry_tail=bytes.fromhex(boxes))


@pytest.mark.parametrize("make", [box, wide_box], ids=["32-bit", "64-bit"])
def test_every_parent_grows_by_the_box(make: object) -> None:
    before = hand_made_moov(make)
    after = with_st3d(before, shift_from=None)
    assert after == hand_made_moov(make, entry_tail=bytes.fromhex("0000000d 73743364 00000000 02"))


def test_only_chunks_behind_the_index_are_shifted() -> None:
    after = with_st3d(hand_made_moov(), shift_from=1000)
    assert struct.pack(">4I", 0, 2, 100, 5013) in after
    assert struct.pack(">II2Q", 0, 2, 100, (1 << 40) + 13) in after


def test_quicktime_terminator_stays_last() -> None:
    after = with_st3d(hand_made_moov(entry_tail=bytes(4)), shift_from=None)
    assert bytes.fromhex("0000000d 73743364 00000000 02 00000000") in after


@pytest.mark.parametrize(
    ("moov", "why"),
    [
        (b"", "not a moov box"),
        (box(b"free", bytes(20)), "not a moov box"),
        (box(b"moov", box(b"mvhd", bytes(100))), "0 video tracks"),
        (hand_made_moov(tracks=2), "2 video tracks"),
        (hand_made_moov()[:-1], "does not fit"),
        (hand_made_moov().replace(b"avc1", b"text"), "unexpected sample entries"),
        (hand_made_moov().replace(b"mvhd", b"mvex"), "fragmented"),
        (hand_made_moov().replace(b"stsd", b"skip"), "no stsd box"),
    ],
)
def test_unexpected_structures_are_refused(moov: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        with_st3d(moov, shift_from=0)


def test_chunks_beyond_their_field_are_refused() -> None:
    moov = hand_made_moov().replace(struct.pack(">I", 5000), struct.pack(">I", (1 << 32) - 5))
    with pytest.raises(ValueError, match="32-bit"):
        with_st3d(moov, shift_from=1000)


def test_garbage_never_raises_anything_but_value_error() -> None:
    dice = random.Random(0)
    original = hand_made_moov()
    outcomes = set()
    for _ in range(3000):
        mutant = bytearray(original)
        for _ in range(dice.randint(1, 4)):
            mutant[dice.randrange(len(mutant))] = dice.choice(
                [0, 1, 7, 8, 255, dice.randrange(256)]
            )
        cut = bytes(mutant[: dice.randint(1, len(mutant))] if dice.random() < 0.3 else mutant)
        try:
            assert len(with_st3d(cut, shift_from=dice.choice([None, 0]))) == len(cut) + 13
            outcomes.add("marked")
        except ValueError:
            outcomes.add("refused")
    assert outcomes == {"marked", "refused"}


@pytest.mark.parametrize("kind", ["fragmented", "matroska", "text", "missing"])
def test_refused_file_is_untouched(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "clip.mp4"
    if kind == "fragmented":
        write_clip(path, movflags="frag_keyframe+empty_moov")
    elif kind == "matroska":
        write_clip(tmp_path / "clip.mkv")
        (tmp_path / "clip.mkv").rename(path)
    elif kind == "text":
        path.write_text("this is not a video, but it is long enough to look at")
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(EncodeError, match=r"clip\.mp4: cannot be marked") as refusal:
        mark_stereo(path, Layout.FULL_SBS)
    assert "\n" not in str(refusal.value)
    assert (path.read_bytes() if path.exists() else None) == before
