"""The live H.264 encoder: no delay, true key pictures, honest parameter sets, right colours."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.runtime.encode.h264_bits import NAL_IDR, NAL_PPS, NAL_SPS, find_sps, nal_types
from stereocast.runtime.encode.x264 import X264Config, X264Encoder, default_bitrate_kbps
from stereocast.runtime.packet import Packet

Make = Callable[..., StereoFrame]


def decode(packets: list[Packet]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    return frames + decoder.decode(None)


def rgb_columns(frame: av.VideoFrame, columns: list[int]) -> np.ndarray:
    """Read colours [3, columns, 3] near the top, in the middle and near the bottom, as BT.709."""
    planes = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        for plane in frame.planes
    ]
    x = np.array(columns)
    row = np.array([[3], [frame.height // 2], [frame.height - 4]])
    y = (planes[0][row, x] - 16.0) / 219
    u, v = ((plane[row // 2, x // 2] - 128.0) / 224 for plane in planes[1:])
    red, blue = y + 1.5748 * v, y + 1.8556 * u
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    return 255 * np.stack([red, green, blue], axis=-1)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_picture_becomes_one_packet_with_its_own_time(moving: Make, threads: int) -> None:
    encoder = X264Encoder(X264Config(), width=128, height=96, fps=30, threads=threads)
    frames = [moving(96, 128, index) for index in range(8)]
    packets = [encoder.encode(frame) for frame in frames]
    assert [packet.pts_ns for packet in packets] == [frame.pts_ns for frame in frames]
    assert len(decode(packets)) == len(frames)


def test_two_threads_are_two_slices_of_one_picture(moving: Make) -> None:
    encoder = X264Encoder(X264Config(), width=128, height=160, fps=30, threads=2)
    assert nal_types(encoder.encode(moving(160, 128, 0)).data).count(NAL_IDR) == 2


def test_key_pictures_are_the_first_and_the_requested_ones(moving: Make) -> None:
    encoder = X264Encoder(X264Config(), width=64, height=48, fps=30)
    wanted = {0, 7, 299}
    for index in range(300):
        frame = moving(48, 64, index * 37 % 150)  # every picture a new scene
        packet = encoder.encode(frame, keyframe=index == 7 or index == 299)
        kinds = nal_types(packet.data)
        is_idr = {NAL_SPS, NAL_PPS, NAL_IDR} <= set(kinds)
        assert packet.is_keyframe == is_idr == (index in wanted)
        assert is_idr or NAL_IDR not in kinds


def test_a_viewer_can_start_at_a_requested_key_picture(moving: Make) -> None:
    encoder = X264Encoder(X264Config(), width=128, height=96, fps=30)
    packets = [encoder.encode(moving(96, 128, i), keyframe=i == 5) for i in range(10)]
    whole, tail = decode(packets)[5:], decode(packets[5:])
    assert len(tail) == 5
    for expected, actual in zip(whole, tail, strict=True):
        assert np.array_equal(expected.to_ndarray(), actual.to_ndarray())


def test_parameter_sets_promise_no_reordering_and_name_the_colours(moving: Make) -> None:
    encoder = X264Encoder(X264Config(), width=128, height=90, fps=30)
    sps = find_sps(encoder.encode(moving(90, 128, 0)).data)
    assert sps.max_num_reorder_frames == 0
    assert (sps.width, sps.height) == (128, 90)
    assert (sps.primaries, sps.transfer, sps.matrix) == (1, 1, 1)
    assert not sps.full_range
    assert sps.chroma_location == 1
    assert encoder.codec_string == sps.codec_string


@pytest.mark.parametrize(
    ("width", "height", "fps", "expected"),
    [(2560, 720, 30, "avc1.42c028"), (2560, 720, 60, "avc1.42c02a")],
)
def test_codec_string_names_the_level_of_the_size(
    width: int, height: int, fps: float, expected: str
) -> None:
    assert X264Encoder(X264Config(), width=width, height=height, fps=fps).codec_string == expected


def test_stream_says_side_by_side(moving: Make) -> None:
    encoder = X264Encoder(X264Config(), width=128, height=96, fps=30)
    frames = decode([encoder.encode(moving(96, 128, 0))])
    assert "STEREO3D" in [data.type.name for data in frames[0].side_data]


@pytest.mark.parametrize(("height", "width"), [(48, 256), (46, 258), (34, 272)])
def test_colours_survive_within_three_levels(
    bars: Make, bar_centres: Callable[..., tuple[list[int], np.ndarray]], height: int, width: int
) -> None:
    encoder = X264Encoder(X264Config(bitrate_kbps=20000), width=width, height=height, fps=30)
    packets = [encoder.encode(bars(height, width, index, index)) for index in range(4)]
    columns, expected = bar_centres(width)
    for frame in decode(packets):
        assert (frame.width, frame.height) == (width, height)
        assert np.abs(rgb_columns(frame, columns) - expected).max() <= 3


def test_no_picture_exceeds_the_rate_buffer_even_a_key_picture(moving: Make) -> None:
    encoder = X264Encoder(
        X264Config(bitrate_kbps=2000, vbv_frames=1.5), width=256, height=144, fps=30
    )
    share = 2_000_000 / 8 / 30  # bytes of one picture at the mean rate
    sizes = [
        len(encoder.encode(moving(144, 256, index), keyframe=index % 20 == 10).data)
        for index in range(60)
    ]
    assert max(sizes) <= 1.5 * share
    assert max(sizes) > 0.5 * share  # the limit was really approached


def test_surface_may_be_reused_after_encode(moving: Make) -> None:
    results = []
    for spoil in (False, True):
        encoder = X264Encoder(X264Config(), width=128, height=96, fps=30)
        packets = []
        for index in range(4):
            frame = moving(96, 128, index)
            packets.append(encoder.encode(frame).data)
            if spoil:
                frame.surface.zero_()
        results.append(packets)
    assert results[0] == results[1]


def test_default_rate_is_twenty_megabits_for_720p_side_by_side() -> None:
    assert default_bitrate_kbps(2560, 720, 30) == 20_000
    assert default_bitrate_kbps(3840, 1080, 30) == 30_000


@pytest.mark.parametrize(
    ("width", "height", "fps"), [(63, 48, 30), (64, 47, 30), (8, 8, 30), (64, 48, 0), (64, 48, -1)]
)
def test_impossible_pictures_are_refused_in_one_line(width: int, height: int, fps: float) -> None:
    with pytest.raises(EncodeError, match=f"x264 {width}×{height}") as refusal:
        X264Encoder(X264Config(), width=width, height=height, fps=fps)
    assert "\n" not in str(refusal.value)


def test_refusal_of_x264_itself_is_one_line() -> None:
    with pytest.raises(EncodeError, match="x264 refuses") as refusal:
        X264Encoder(X264Config(), width=32768, height=16, fps=30)
    assert "\n" not in str(refusal.value)


def test_another_size_and_a_closed_encoder_are_refused(moving: Make) -> None:
    encoder = X264Encoder(X264Config(), width=64, height=48, fps=30)
    with pytest.raises(EncodeError, match="got a picture of 128×96"):
        encoder.encode(moving(96, 128, 0))
    encoder.close()
    encoder.close()
    with pytest.raises(EncodeError, match="closed"):
        encoder.encode(moving(48, 64, 0))


@pytest.mark.parametrize(
    "wrong",
    [{"preset": "fastest"}, {"bitrate_kbps": 1}, {"vbv_frames": 0.5}],
)
def test_impossible_settings_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        X264Config(**wrong)  # type: ignore[arg-type]
