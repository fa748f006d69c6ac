"""Recording a live stream: the same bytes, the right times, a name only when complete."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from stereocast.engine.errors import EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.runtime.encode.jpeg import JpegConfig, JpegEncoder
from stereocast.runtime.encode.x264 import X264Config, X264Encoder
from stereocast.runtime.packet import Packet
from stereocast.runtime.sink.output import VideoShape
from stereocast.runtime.sink.record import Recorder

Make = Callable[..., StereoFrame]
SHAPE = VideoShape(width=64, height=48, fps=30, layout=Layout.FULL_SBS)
MS = 1_000_000


@pytest.fixture
def stream(moving: Make) -> list[Packet]:
    """Twelve H.264 packets with a second key picture at number 4."""
    encoder = X264Encoder(X264Config(), width=64, height=48, fps=30)
    return [encoder.encode(moving(48, 64, index), keyframe=index == 4) for index in range(12)]


def decoded(packets: list[Packet]) -> list[bytes]:
    decoder = av.CodecContext.create("h264", "r")
    units = [av.Packet(packet.data) for packet in packets]
    frames = [frame for unit in [*units, None] for frame in decoder.decode(unit)]
    return [frame.to_ndarray().tobytes() for frame in frames]


def test_recording_shows_the_same_pictures_at_their_times(
    tmp_path: Path, stream: list[Packet]
) -> None:
    path = tmp_path / "live.mkv"
    with Recorder(path, codec="h264", video=SHAPE) as recorder:
        for packet in stream:
            recorder.write(packet)
    with av.open(str(path)) as clip:
        video = clip.streams.video[0]
        assert (video.width, video.height) == (64, 48)
        assert video.metadata["stereo_mode"] == "left_right"
        assert "full-sbs" in clip.metadata["COMMENT"]
        frames = list(clip.decode(video))
    assert [frame.to_ndarray().tobytes() for frame in frames] == decoded(stream)
    assert [frame.pts for frame in frames] == [round(p.pts_ns / MS) for p in stream]


def test_recording_starts_at_the_first_key_picture_and_at_zero(
    tmp_path: Path, stream: list[Packet]
) -> None:
    path = tmp_path / "late.mkv"
    with Recorder(path, codec="h264", video=SHAPE) as recorder:
        for packet in stream[2:]:
            recorder.write(packet)
    assert (recorder.skipped, recorder.packets) == (2, 8)
    with av.open(str(path)) as clip:
        frames = list(clip.decode(clip.streams.video[0]))
    assert frames[0].pts == 0
    assert [frame.to_ndarray().tobytes() for frame in frames] == decoded(stream[4:])


def test_jpeg_streams_are_recorded_byte_for_byte(tmp_path: Path, moving: Make) -> None:
    encoder = JpegEncoder(JpegConfig(), width=64, height=48, fps=30)
    packets = [encoder.encode(moving(48, 64, index)) for index in range(5)]
    path = tmp_path / "live.mkv"
    with Recorder(path, codec="mjpeg", video=SHAPE) as recorder:
        for packet in packets:
            recorder.write(packet)
    with av.open(str(path)) as clip:
        units = [bytes(unit) for unit in clip.demux(clip.streams.video[0]) if unit.size]
    assert units == [packet.data for packet in packets]


def test_a_source_that_starts_over_is_recorded_without_a_gap(
    tmp_path: Path, stream: list[Packet]
) -> None:
    path = tmp_path / "loop.mkv"
    with Recorder(path, codec="h264", video=SHAPE) as recorder:
        for packet in stream + stream:
            recorder.write(packet)
    assert recorder.jumps == 1
    with av.open(str(path)) as clip:
        times = [frame.pts for frame in clip.decode(clip.streams.video[0])]
    assert len(times) == 24
    steps = [late - early for early, late in itertools.pairwise(times)]
    assert set(steps) <= {33, 34}


def test_nothing_stands_under_the_name_before_it_is_complete(
    tmp_path: Path, stream: list[Packet]
) -> None:
    path = tmp_path / "live.mkv"
    recorder = Recorder(path, codec="h264", video=SHAPE)
    for packet in stream:
        recorder.write(packet)
        assert not path.exists()
    recorder.close()
    recorder.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["live.mkv"]


def test_abort_leaves_nothing(tmp_path: Path, stream: list[Packet]) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        Recorder(tmp_path / "live.mkv", codec="h264", video=SHAPE) as recorder,
    ):
        recorder.write(stream[0])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_stream_without_key_picture_leaves_no_file(tmp_path: Path, stream: list[Packet]) -> None:
    recorder = Recorder(tmp_path / "live.mkv", codec="h264", video=SHAPE)
    recorder.write(stream[1])
    with pytest.raises(EncodeError, match="no key picture came"):
        recorder.close()
    assert list(tmp_path.iterdir()) == []


def test_impossible_recordings_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="cannot record 'hevc', only h264 and mjpeg"):
        Recorder(tmp_path / "live.mkv", codec="hevc", video=SHAPE)
    with pytest.raises(EncodeError, match=r"name it \.mkv"):
        Recorder(tmp_path / "live.mp4", codec="h264", video=SHAPE)
    (tmp_path / "taken.mkv").write_bytes(b"precious")
    with pytest.raises(EncodeError, match="exists already"):
        Recorder(tmp_path / "taken.mkv", codec="h264", video=SHAPE)
    assert (tmp_path / "taken.mkv").read_bytes() == b"precious"


def test_recording_needs_no_torch() -> None:
    program = "import sys, stereocast.runtime.sink.record; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
