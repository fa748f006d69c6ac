"""The pieces of the viewer: decoder, strips, snapshot, recording, pace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stereocast.engine.errors import ConfigError, EncodeError, TransportError
from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.runtime import barcode, wire
from stereocast.runtime.watch.decode import Decoder, luma, rgb
from stereocast.runtime.watch.measure import StripCounts, Verdict
from stereocast.runtime.watch.outputs import Outputs, Record, Shown, Snapshot
from stereocast.runtime.watch.pace import Pace
from stereocast.runtime.watch.snapshot import check_path
from tests.strip_stream import (
    FPS,
    HEIGHT,
    WIDTH,
    coded_frames,
    description,
    encoder,
    frames_of,
    strip_frame,
)


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_sixty_frames_at_20_mbps_prove_themselves_in_both_eyes(codec: str) -> None:
    height, width = 720, 2560
    coder, decoder = encoder(codec, height=height, width=width), Decoder(codec)
    strips = StripCounts()
    for index in range(60 if codec == "h264" else 5):
        packet = coder.encode(strip_frame(index, height=height, width=width))
        picture = decoder.decode(packet.data)
        assert picture is not None
        assert strips.judge(luma(picture), Layout.FULL_SBS, seq=index) is Verdict.PROVEN


def test_pictures_come_out_with_the_packet_that_holds_them() -> None:
    decoder = Decoder("h264")
    for index, packet in enumerate(coded_frames(5)):
        picture = decoder.decode(packet.data)
        assert picture is not None
        left, _ = barcode.read_picture(luma(picture), Layout.FULL_SBS)
        assert left is not None
        assert left.source == index


def test_a_damaged_packet_gives_no_picture_and_a_keyframe_heals() -> None:
    coded = coded_frames(4, keys=(0, 3))
    decoder = Decoder("h264")
    assert decoder.decode(coded[0].data) is not None
    for garbage in (b"", b"garbage", coded[1].data[: len(coded[1].data) // 3]):
        assert decoder.decode(garbage) is None
    assert decoder.decode(coded[3].data) is not None


def test_an_unknown_codec_is_refused_in_one_line() -> None:
    with pytest.raises(TransportError, match="sends 'vp9'; this viewer decodes h264, mjpeg"):
        Decoder("vp9")


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_colours_survive_the_way_to_the_screen(codec: str) -> None:
    # RGB (60, 200, 30) in BT.709 limited range, by the formulas of the standard.
    surface = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
    surface[:HEIGHT], flat = 152, surface[HEIGHT:].reshape(2, -1)
    flat[0], flat[1] = 67, 73
    frame = StereoFrame(torch.from_numpy(surface), Layout.FULL_SBS, 0, 0)
    picture = Decoder(codec).decode(encoder(codec).encode(frame).data)
    assert picture is not None
    for size in ((WIDTH, HEIGHT), (WIDTH // 2, HEIGHT // 2)):
        pixel = rgb(picture, *size).to_ndarray()[size[1] // 2, size[0] // 2].astype(int)
        assert np.abs(pixel - (60, 200, 30)).max() <= 4


def test_strips_that_lie_are_called_by_name() -> None:
    picture = np.full((HEIGHT, WIDTH), 90, np.uint8)
    counts = StripCounts()
    assert counts.judge(picture, Layout.FULL_SBS, seq=7) is Verdict.UNREADABLE
    barcode.draw_picture(picture, Layout.FULL_SBS, source=7, encoder=1)
    assert counts.judge(picture, Layout.FULL_SBS, seq=7) is Verdict.PROVEN
    assert counts.judge(picture, Layout.FULL_SBS, seq=7 + 2**24) is Verdict.PROVEN
    assert counts.judge(picture, Layout.FULL_SBS, seq=8) is Verdict.WRONG_PICTURE
    swapped = np.roll(picture, WIDTH // 2, axis=1)
    assert counts.judge(swapped, Layout.FULL_SBS, seq=7) is Verdict.SWAPPED_EYES
    barcode.draw_eye(picture[:, : WIDTH // 2], source=6, encoder=1, right=False)
    assert counts.judge(picture, Layout.FULL_SBS, seq=7) is Verdict.WRONG_PICTURE
    assert counts.report() == {
        "pictures": 6,
        "proven": 2,
        "unreadable": 1,
        "wrong_picture": 2,
        "swapped_eyes": 1,
    }


def test_a_recording_refuses_a_stream_that_changed_its_size(tmp_path: Path) -> None:
    record = Record(tmp_path / "out.mkv", description(), overwrite=False)
    frame = next(frames_of(coded_frames(1)))
    picture = Decoder("h264").decode(frame.payload)
    assert picture is not None
    record.take(Shown(frame, picture, Pace()))
    other = wire.FrameMessage(**{**vars(frame), "w": WIDTH * 2})
    with pytest.raises(EncodeError, match=r"from h264 672×48 full-sbs to h264 1344×48 full-sbs"):
        record.take(Shown(other, picture, Pace()))
    record.close()
    assert (tmp_path / "out.mkv").is_file()


def test_a_snapshot_without_a_picture_says_so(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="no picture came"):
        Snapshot(tmp_path / "eye.png", last=True, ends_watch=True).close()


def test_snapshot_paths_are_refused_before_anything_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "old.png").touch()
    for path, words in (
        (tmp_path / "eye.jpg", "name the file something.png"),
        (tmp_path / "no" / "eye.png", "there is no folder"),
        (tmp_path / "old.png", "exists already"),
    ):
        with pytest.raises(ConfigError, match=words):
            check_path(path, overwrite=False)
    check_path(tmp_path / "old.png", overwrite=True)


def test_the_first_error_passes_and_later_ones_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    outputs = Outputs(snapshot=Snapshot(tmp_path / "eye.png", last=True, ends_watch=True))
    with pytest.raises(TransportError, match="gone"), outputs.closed(told.append):
        raise TransportError("gone")
    assert told == [f"no picture came, so {tmp_path / 'eye.png'} was not written"]


def test_pace_forgets_after_two_seconds_and_sees_a_stream_stop() -> None:
    pace = Pace()
    for number in range(61):
        pace.add(int(number * 1e9 / FPS), 20_000_000 + number)
    assert pace.fps(10**9) == pytest.approx(FPS, rel=1e-3)
    ages = pace.ages_ms()
    assert ages is not None
    assert ages == pytest.approx((20, 20), rel=2e-3)
    assert pace.fps(10**9 + 500_000_000) == pytest.approx(2.0)
    assert pace.fps(5 * 10**9) == 0.0
    assert pace.caption(5 * 10**9) == "0.0 fps · age unknown"
