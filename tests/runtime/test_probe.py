"""The choice of an encoder: by trying, and never in silence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.runtime.encode.probe import LADDER, EncoderSettings, choose_encoder, describe
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
    with pytest.raises(ConfigError, match="'nvenc' is not one of x264, mjpeg"):
        choose_encoder(["nvenc"], width=64, height=48, fps=30, settings=EncoderSettings())


def test_description_lists_the_whole_ladder_and_its_settings() -> None:
    results = describe(EncoderSettings(x264=X264Config(preset="superfast"), threads=2))
    assert [result.name for result in results] == list(LADDER)
    assert all(result.works for result in results)
    assert "superfast" in results[0].detail
    assert "2 slices" in results[0].detail


def test_probing_needs_no_torch() -> None:
    program = (
        "import sys; from stereocast.runtime.encode import probe; "
        "assert all(result.works for result in probe.describe()); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
