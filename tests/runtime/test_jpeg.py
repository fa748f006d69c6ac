"""Motion JPEG: pictures that every JPEG reader shows in the right colours."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.runtime.encode.jpeg import JpegConfig, JpegEncoder

Make = Callable[..., StereoFrame]


def read_jpeg(data: bytes) -> list[np.ndarray]:
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    (frame,) = decoder.decode(av.Packet(data))
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
            : plane.height, : plane.width
        ]
        for plane in frame.planes
    ]


def jfif_rgb(planes: list[np.ndarray], columns: list[int]) -> np.ndarray:
    """Read colours near top, middle and bottom as JFIF 1.02 means them: BT.601, full range."""
    x, height = np.array(columns), planes[0].shape[0]
    row = np.array([[3], [height // 2], [height - 4]])
    y = planes[0][row, x].astype(float)
    cb, cr = (plane[row // 2, x // 2] - 128.0 for plane in planes[1:])
    rgb = [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]
    return np.stack(rgb, axis=-1)


@pytest.mark.parametrize(("height", "width"), [(48, 256), (46, 258)])
def test_a_jpeg_reader_sees_the_right_colours(
    bars: Make, bar_centres: Callable[..., tuple[list[int], np.ndarray]], height: int, width: int
) -> None:
    encoder = JpegEncoder(JpegConfig(quality=95), width=width, height=height, fps=30)
    planes = read_jpeg(encoder.encode(bars(height, width)).data)
    assert planes[0].shape == (height, width)
    columns, expected = bar_centres(width)
    assert np.abs(jfif_rgb(planes, columns) - expected).max() <= 4


def test_every_packet_is_a_whole_jfif_file_and_a_key_picture(moving: Make) -> None:
    encoder = JpegEncoder(JpegConfig(), width=128, height=96, fps=30)
    for index in range(5):
        frame = moving(96, 128, index)
        packet = encoder.encode(frame)
        assert packet.is_keyframe
        assert packet.pts_ns == frame.pts_ns
        assert packet.data[:2] == b"\xff\xd8"
        assert packet.data[-2:] == b"\xff\xd9"
        assert packet.data[6:10] == b"JFIF"


def test_quality_buys_likeness_with_bytes(moving: Make) -> None:
    frame = moving(96, 128, 3)
    wanted = (frame.surface[:96].numpy() - 16.0) * 255 / 219
    sizes, errors = [], []
    for quality in (20, 60, 85, 97):
        encoder = JpegEncoder(JpegConfig(quality=quality), width=128, height=96, fps=30)
        data = encoder.encode(frame).data
        sizes.append(len(data))
        errors.append(np.abs(read_jpeg(data)[0] - wanted).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_the_picture(moving: Make, threads: int) -> None:
    frame = moving(96, 128, 0)
    one = JpegEncoder(JpegConfig(), width=128, height=96, fps=30).encode(frame)
    many = JpegEncoder(JpegConfig(), width=128, height=96, fps=30, threads=threads).encode(frame)
    for expected, actual in zip(read_jpeg(one.data), read_jpeg(many.data), strict=True):
        assert np.array_equal(expected, actual)


def test_impossible_requests_are_refused(moving: Make) -> None:
    with pytest.raises(ConfigError, match="quality must be in"):
        JpegConfig(quality=0)
    with pytest.raises(EncodeError, match="mjpeg 63×48: sizes must be even"):
        JpegEncoder(JpegConfig(), width=63, height=48, fps=30)
    encoder = JpegEncoder(JpegConfig(), width=64, height=48, fps=30)
    with pytest.raises(EncodeError, match="got a picture of 128×96"):
        encoder.encode(moving(96, 128, 0))
    encoder.close()
    with pytest.raises(EncodeError, match="closed"):
        encoder.encode(moving(48, 64, 0))
