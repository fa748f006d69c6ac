"""`stereocast convert` as a person meets it."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests import clips
from tests.clips import Clip
from tests.commands import Process, Stereocast


def facts(path: Path) -> tuple[int, tuple[int, int], list[str]]:
    """Return how many pictures of what size decode, and the kinds of streams."""
    with av.open(path) as container:
        kinds = [stream.type for stream in container.streams]
        frames = list(container.decode(video=0))
    return len(frames), (frames[0].width, frames[0].height), kinds


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_every_container_gets_every_frame_and_the_sound(
    stereocast: Stereocast, inside: Path, suffix: str
) -> None:
    source, target = clips.with_audio(inside / "in.mkv"), inside / f"out{suffix}"
    result = stereocast("convert", source, target)
    assert (result.code, len(result.out)) == (0, 1)
    assert result.out[0].startswith(f"{target}: 12 frames, ")
    assert facts(target) == (12, (128, 48), ["video", "audio"])
    assert sorted(path.name for path in inside.iterdir()) == sorted(["in.mkv", target.name])


@pytest.mark.parametrize("suffix", [".webm", ".avi", ".ts"])
def test_a_source_in_another_container_becomes_mkv_beside_it(
    stereocast: Stereocast, inside: Path, suffix: str
) -> None:
    codec = {"codec": "libvpx", "options": ()} if suffix == ".webm" else {}
    source = clips.write(inside / f"in{suffix}", Clip(**codec))
    assert stereocast("convert", f"file:{source}").code == 0
    assert facts(inside / "in_LRF_Full_SBS.mkv")[0] == 12


def test_options_choose_a_part_and_a_shape(stereocast: Stereocast, inside: Path) -> None:
    clips.write(inside / "in.mp4", Clip(height=96, width=128, count=30), audio_s=1.2)
    result = stereocast(
        "convert", "in.mp4", "--layout", "half-sbs", "--start", 0.4, "--frames", 6,
        "--max-height", 48, "--max-fps", 13, "--no-audio", "--json", "r.json",
        "--set", "file.crf=30",
    )  # fmt: skip
    assert result.code == 0
    assert facts(inside / "in_HSBS.mp4") == (6, (64, 48), ["video"])
    report = json.loads((inside / "r.json").read_text())
    assert report["schema"] == "stereocast/convert/1"
    assert (report["frames_in"], report["frames_out"], report["partial"]) == (6, 6, None)
    assert report["config"]["file"]["crf"] == 30.0
    assert 0 < report["comfort"]["worst_score"] <= report["comfort"]["score"] <= 1
    assert report["config"]["threads"]["encode"] >= 1
    assert set(report["stages_ms"]) == {"decode", "engine", "encode"}
    assert any("pictures dropped to keep 13" in note for note in report["notes"])


LAYOUTS = {
    "full-sbs": ("in_LRF_Full_SBS.mp4", (128, 48), {"STEREO3D"}),
    "half-sbs": ("in_HSBS.mp4", (64, 48), {"STEREO3D"}),
    "full-tb": ("in_TB.mp4", (64, 96), {"STEREO3D"}),
    "half-tb": ("in_HTAB.mp4", (64, 48), {"STEREO3D"}),
    "cross-eyed": ("in_RL.mp4", (128, 48), set()),
    "anaglyph": ("in_anaglyph.mp4", (64, 48), set()),
    "rgb-depth": ("in_RGBD.mp4", (128, 48), set()),
    "debug-grid": ("in_debug.mp4", (128, 96), set()),
    "vr180": ("in_180_LR.mp4", (192, 96), {"STEREO3D", "SPHERICAL"}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gets_its_name_its_size_and_its_marks(
    stereocast: Stereocast, inside: Path, layout: str
) -> None:
    name, size, marks = LAYOUTS[layout]
    clips.write(inside / "in.mp4", Clip(count=3))
    assert stereocast("convert", "in.mp4", "--layout", layout).code == 0
    assert facts(inside / name)[:2] == (3, size)
    with av.open(inside / name) as container:
        (*_, last) = container.decode(video=0)
        assert {data.type.name for data in last.side_data} >= marks
        assert bool(marks) == any(data.type.name == "STEREO3D" for data in last.side_data)
        assert container.metadata["comment"].startswith(f"stereocast {layout}")


@pytest.mark.parametrize(
    ("layout", "mode"),
    [
        ("half-sbs", "left_right"),
        ("full-tb", "top_bottom"),
        ("cross-eyed", "right_left"),
        ("anaglyph", "anaglyph_cyan_red"),
        ("rgb-depth", None),
    ],
)
def test_matroska_says_which_eye_is_where(
    stereocast: Stereocast, inside: Path, layout: str, mode: str | None
) -> None:
    clips.write(inside / "in.mp4", Clip(count=2))
    assert stereocast("convert", "in.mp4", "out.mkv", "--layout", layout).code == 0
    with av.open(inside / "out.mkv") as container:
        assert container.streams.video[0].metadata.get("stereo_mode") == mode


def test_a_half_sphere_in_matroska_is_said_to_lack_its_mark(
    stereocast: Stereocast, inside: Path
) -> None:
    clips.write(inside / "in.mp4", Clip(count=2))
    result = stereocast("convert", "in.mp4", "out.mkv", "--layout", "vr180")
    assert result.code == 0
    assert any("does not say that it is a half sphere" in line for line in result.err)


REFUSALS = {
    "nowhere.mp4": "nowhere.mp4: no such file",
    ".": ".: not a file",
    "": "no source was named",
    "http://x/a.mp4": "is a live source; stream it with `stereocast live`",
    "gopher://x/a.mp4": "unknown kind of source 'gopher'",
    "text.mp4": "text.mp4: not a video",
    "in.mp4 out.avi": "out.avi: cannot write .avi; choose one of .mkv, .mp4, .mov",
    "in.mp4 out": "out: cannot write a file without suffix",
    "in.mp4 missing/out.mkv": "there is no folder missing; create it first",
    "in.mp4 taken.mkv": "taken.mkv: exists already; name another file or add --overwrite",
    "in.mp4 in.mp4 --overwrite": "in.mp4: is the file that is converted",
    "in.mp4 link.mp4 --overwrite": "link.mp4: is the file that is converted",
    "in.mp4 out.mkv --start 99": "start 99 s is after its end",
    "in.mp4 out.mkv --start 1e30": "start_s must be in [0, 1e+09]",
    "in.mp4 out.mkv --set formats.anaglyph=duboi": "'duboi' is not one of dubois, dubois2, color",
    "in.mp4 out.mkv --set formats.hfov_deg=200": "formats.hfov_deg must be in [1, 170], got 200",
    "in.mp4 out.mkv --set stereo.strenght=3": "Did you mean 'stereo.strength'?",
    "in.mp4 out.mkv --config nope": "no such configuration file or profile",
    "in.mp4 out.mkv --json taken.mkv": "--json taken.mkv: exists and is no .json file",
}


@pytest.mark.parametrize(("arguments", "words"), REFUSALS.items())
def test_a_refusal_is_one_line_and_changes_no_file(
    stereocast: Stereocast, inside: Path, arguments: str, words: str
) -> None:
    clips.write(inside / "in.mp4", Clip(count=3))
    (inside / "text.mp4").write_text("hello " * 100)
    (inside / "taken.mkv").write_text("precious")
    (inside / "link.mp4").hardlink_to(inside / "in.mp4")
    before = {path: path.read_bytes() for path in inside.iterdir()}
    result = stereocast("convert", *(arguments.split() or [""]))
    assert (result.code, result.out, len(result.err)) == (1, [], 1)
    assert result.err[0].startswith("stereocast: ")
    assert words in result.err[0]
    assert {path: path.read_bytes() for path in inside.iterdir()} == before


def test_overwriting_is_allowed_when_asked_for(stereocast: Stereocast, inside: Path) -> None:
    clips.write(inside / "in.mp4", Clip(count=3))
    (inside / "out.mkv").write_text("old")
    assert stereocast("convert", "in.mp4", "out.mkv", "--overwrite").code == 0
    assert facts(inside / "out.mkv")[0] == 3


def test_a_source_that_breaks_gives_a_playable_part_and_code_3(
    stereocast: Stereocast, inside: Path
) -> None:
    clips.damaged(inside / "in.mp4")
    result = stereocast("convert", "in.mp4", "out.mp4", "--json", "r.json")
    assert result.code == 3
    assert result.err[-1].startswith("stereocast: in.mp4: at picture 10, after 0.360 s: damaged: ")
    assert result.err[-1].endswith("; out.mp4 ends there")
    assert facts(inside / "out.mp4")[0] == 10
    assert "at picture 10" in json.loads((inside / "r.json").read_text())["partial"]


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.write(
        tmp_path_factory.mktemp("long") / "in.mp4", Clip(height=180, width=320, count=800)
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_on_a_terminal_it_leaves_nothing(
    start: Callable[..., Process], long_clip: Path, tmp_path: Path, number: signal.Signals
) -> None:
    target = tmp_path / "out.mp4"
    terminal, end = pty.openpty()
    process = start("convert", long_clip, target, stderr=end)
    os.close(end)
    shown = b""
    while b"fps" not in shown:
        shown += os.read(terminal, 4096)
    for _ in range(3):  # an impatient person
        process.send(number)
    assert process.result().code == 130
    while not shown.endswith(b"stereocast: interrupted\r\n"):
        shown += os.read(terminal, 4096)
    os.close(terminal)
    assert b"/800" in shown and b"left" in shown
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line_and_leaves_nothing(
    start: Callable[..., Process], long_clip: Path, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        process = start("convert", long_clip, tmp_path / "out.mkv", "--frames", 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    result = process.result()
    assert (result.code, result.out, len(result.err)) == (1, [], 1), result
    assert result.err[0].startswith(f"stereocast: {tmp_path / 'out.mkv'}: cannot be ")
    assert "File too large" in result.err[0]
    assert not list(tmp_path.iterdir())


ODD = {
    "decord_corrupted.mp4": 28, "decord_unordered.mov": 4, "decord_video_0.mov": 3,
    "decord_video_90.mov": 3, "decord_video_180.mov": 3, "decord_video_270.mov": 3,
    "gen_interlaced_mpeg2.ts": 24, "gen_not_a_video.mp4": 0, "gen_truncated.ts": 18,
    "gen_truncated_half.mp4": 0, "gen_vfr.mp4": 48, "gen_zero_bytes.mp4": 0,
    "mpy_bitmap.mp4": 0, "mpy_no_duration.webm": 74, "mpy_smpte-2997.mp4": 251,
    "mpy_transparent.webm": 150, "mpy_video_with_failing_audio.mp4": 280, "tc_av1_video.mkv": 125,
    "tc_bt2020_10bit.mp4": 60, "tc_bt601_full_range.mp4": 60, "tc_bt601_limited_range.mp4": 60,
    "tc_bt709_full_range.mp4": 30, "tc_discard_first_keyframe.mp4": 25, "tc_h264_10bits.mp4": 30,
    "tc_h265_10bits.mp4": 30, "tc_h265_video.mp4": 10, "tc_nasa_13013.mp4.audio.mp3": 0,
    "tc_sine_mono_s16.wav": 0,
}  # fmt: skip
"""Frames that come out of every odd file; 0: it is refused."""
MOST_FRAMES = 50


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_converted_or_refused_in_one_line(
    stereocast: Stereocast, inside: Path, data: Path, name: str
) -> None:
    """The first frames of each, small: what every picture becomes is tested with the source."""
    result = stereocast(
        "convert", data / "odd_videos" / name, "out.mkv", "--max-height", 64,
        "--frames", MOST_FRAMES,
    )  # fmt: skip
    wanted = min(ODD[name], MOST_FRAMES)
    is_broken = name == "decord_corrupted.mp4"
    assert result.code == (3 if is_broken else 0 if wanted else 1)
    assert sum(line.startswith("stereocast: ") for line in result.err) == (result.code > 0)
    if wanted:
        assert facts(inside / "out.mkv")[0] == wanted
    else:
        assert len(result.err) == 1 and not list(inside.iterdir())


def test_every_odd_file_has_its_row(data: Path) -> None:
    assert {path.name for path in (data / "odd_videos").iterdir()} == set(ODD)
