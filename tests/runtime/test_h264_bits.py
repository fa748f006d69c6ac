"""Reading H.264 parameter sets: exact on real ones, ValueError on anything else."""

from __future__ import annotations

import random
from fractions import Fraction

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from stereocast.runtime.encode.h264_bits import find_sps, nal_types, parse_sps, split_nal_units

# Written by libx264 ultrafast zerolatency for 2560×720 at 30 fps.
SPS = bytes.fromhex("6742c028da00a005ba6a0202034a000003000200000300791e306540")


def x264_header(width: int, height: int, **options: str) -> bytes:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = width, height
    context.pix_fmt = options.pop("pix_fmt", "yuv420p")
    context.framerate, context.time_base = Fraction(25), Fraction(1, 25)
    context.flags |= 0x400000  # parameter sets in extradata
    context.options = options
    context.open()
    assert context.extradata is not None
    return context.extradata


def test_known_parameter_set_is_read() -> None:
    sps = parse_sps(SPS)
    assert sps.codec_string == "avc1.42c028"
    assert (sps.width, sps.height, sps.max_num_reorder_frames) == (2560, 720, 0)
    assert (sps.primaries, sps.transfer, sps.matrix, sps.chroma_location) == (1, 1, 1, 1)


@pytest.mark.parametrize("size", [(16, 16), (50, 34), (1918, 1078)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gray"])
def test_size_is_exact_for_every_chroma_format(size: tuple[int, int], pix_fmt: str) -> None:
    sps = find_sps(x264_header(*size, pix_fmt=pix_fmt, preset="medium"))
    assert (sps.width, sps.height) == size


@pytest.mark.parametrize(
    "parameters",
    ["cqm=jvt", "interlaced=1", "nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500", "sar=7/5"],
)
def test_optional_parts_are_stepped_over(parameters: str) -> None:
    header = x264_header(66, 52, preset="medium", **{"x264-params": parameters})
    sps = find_sps(header)
    assert (sps.width, sps.height) == (66, 52)
    assert sps.max_num_reorder_frames == 2  # b-pyramid of x264's medium preset


def test_units_are_cut_at_both_kinds_of_start_code() -> None:
    stream = b"\0\0\0\1\x67ab\0\0\1\x68c\0\0\0\1\x65\0\0\3\1de\0\0"
    assert split_nal_units(stream) == [b"\x67ab", b"\x68c", b"\x65\0\0\3\1de"]
    assert nal_types(stream) == [7, 8, 5]
    assert split_nal_units(b"no start code") == []


def test_missing_and_foreign_units_are_refused() -> None:
    with pytest.raises(ValueError, match="no sequence parameter set"):
        find_sps(b"\0\0\1\x68abc")
    with pytest.raises(ValueError, match="not a sequence parameter set"):
        parse_sps(b"\x68abcd")


def test_every_truncation_is_refused_or_reads_less() -> None:
    for end in range(len(SPS)):
        try:
            assert parse_sps(SPS[:end]).width == 2560
        except ValueError:
            continue


def test_garbage_never_raises_anything_but_value_error() -> None:
    dice = random.Random(0)
    outcomes = set()
    for _ in range(3000):
        mutant = bytearray(SPS)
        for _ in range(dice.randint(1, 4)):
            mutant[dice.randrange(1, len(mutant))] = dice.randrange(256)
        try:
            sps = parse_sps(bytes(mutant))
            outcomes.add("read")
            assert sps.width > 0
            assert sps.height > 0
        except ValueError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
