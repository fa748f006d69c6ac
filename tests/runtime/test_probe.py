"""The choice of an encoder: by trying, and never in silence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.runtime.encode.nvenc import _has_idr
from stereocast.runtime.encode.probe import (
    GPU_LADDER,
    LADDER,
    EncoderSettings,
    choose_encoder,
    describe,
)
from stereocast.runtime.encode.x264 import X264Config


def test_first_encoder_that_works_is_chosen(moving: Callable[..., StereoFrame]) -> None:
    choice = choose_encoder(LADDER, width=64, height=48, fps=30, settings=EncoderSettings())
    assert choice.name == "x264"
    assert choice.refused == ()
    assert choice.encoder.encode(moving(48, 64, 0)).is_keyframe


def test_order_can_be_forced() -> None:
    choice = choose_encoder(["mjpeg"], width=64, height=48, fps=30, settings=EncoderSettings())
    assert choice.encoder.codec == "mjpeg"


def test_refusals_on_the_way_down_are_told() -> None:
    choice = choose_encoder(LADDER, width=8, height=8, fps=30, settings=EncoderSettings())
    assert choice.name == "mjpeg"
    (refused,) = choice.refused
    assert (refused.name, refused.works) == ("x264", False)
    assert "at least 16" in refused.detail


def test_no_working_encoder_is_one_line_with_every_reason() -> None:
    with pytest.raises(EncodeError) as refusal:
        choose_encoder(LADDER, width=7, height=8, fps=30, settings=EncoderSettings())
    message = str(refusal.value)
    assert "x264" in message
    assert "mjpeg" in message
    assert "\n" not in message


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match="'vp9' is not one of nvenc, nvenc-host, x264, nvjpeg, mjpeg"
    ):
        choose_encoder(["vp9"], width=64, height=48, fps=30, settings=EncoderSettings())


def test_description_lists_the_whole_ladder_and_its_settings() -> None:
    results = describe(EncoderSettings(x264=X264Config(preset="superfast"), threads=2))
    assert [result.name for result in results] == list(GPU_LADDER)
    assert all(result.works for result in results if result.name in LADDER)
    details = {result.name: result.detail for result in results}
    assert "superfast" in details["x264"]
    assert "2 slices" in details["x264"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_without_a_gpu_each_rung_above_x264_says_what_it_wants() -> None:
    choice = choose_encoder(GPU_LADDER, width=256, height=144, fps=30, settings=EncoderSettings())
    assert choice.name == "x264"
    reasons = {result.name: result.detail for result in choice.refused}
    assert set(reasons) == {"nvenc", "nvenc-host"}
    assert "stereocast[nvcodec]" in reasons["nvenc"] or "no driver" in reasons["nvenc"]
    assert "NVENC refuses" in reasons["nvenc-host"]


def test_an_idr_is_seen_in_its_unit() -> None:
    sps, idr, plain = b"\0\0\0\1\x67\x64", b"\0\0\1\x65\x88", b"\0\0\0\1\x41\x9a"
    assert _has_idr(sps + idr)
    assert not _has_idr(sps + plain)
    assert not _has_idr(b"\0\0\1")


def test_probing_needs_no_torch() -> None:
    program = (
        "import sys; from stereocast.runtime.encode import probe; "
        "assert any(result.works for result in probe.describe()); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
