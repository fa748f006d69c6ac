"""`stereocast watch` as a person meets it: what it prints, writes and returns."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from stereocast.engine.errors import ConfigError, EncodeError, StereocastError, TransportError
from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.cli import app
from tests.patience import eventually
from tests.strip_stream import ScriptedServer, StripServer

END = [wire.pack(wire.End(code="eos"))]


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address(f"ipc://{tmp_path / 's' / 'stream'}", folder=tmp_path)


@pytest.fixture
def stream(address: Address) -> Iterator[str]:
    with StripServer(address, frames=10_000):
        yield address.url


def watch(*arguments: object) -> str:
    """Run the command; return what it printed, or raise the error that main would print."""
    result = CliRunner().invoke(app, ["watch", *map(str, arguments)])
    if isinstance(result.exception, StereocastError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def frames_in(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def test_help_shows_examples() -> None:
    text = watch("--help")
    assert "stereocast watch --record out.mkv" in text
    assert "--measure" in text


def test_one_run_records_measures_and_saves_a_picture(stream: str, tmp_path: Path) -> None:
    video, picture, report = tmp_path / "o.mkv", tmp_path / "o.png", tmp_path / "o.json"
    text = watch(
        stream, "--record", video, "--measure", "--snapshot", picture, "--json", report,
        "--frames", 20,
    )  # fmt: skip
    assert "h264 672×48 full-sbs, 60 fps" in text
    assert "20 of 20 pictures proven in both eyes" in text
    assert re.search(r"│ total +│( +\d+\.\d\d │){4}", text)
    assert f"recorded 20 frames into {video}" in text
    assert frames_in(video) == 20
    assert picture.is_file()
    values = json.loads(report.read_text())
    assert values["schema"] == "stereocast.watch/1"
    assert values["frames_out"] == 20
    assert values["drops"].keys() == {"skipped", "damaged", "desync", "decode"}
    assert values["strips"]["proven"] == 20
    assert values["clock_err_us"] == 0
    assert set(values["stages_ms"]) == {"encode", "send", "receive", "view-decode"}
    assert 0 < values["total_ms"]["p50"] <= values["total_ms"]["max"] < 5000


def test_a_snapshot_alone_ends_with_the_first_picture(stream: str, tmp_path: Path) -> None:
    text = watch(stream, "--snapshot", tmp_path / "eye.png")
    assert f"saved a picture as {tmp_path / 'eye.png'}" in text
    assert "1 frames shown" in text


@pytest.mark.parametrize(
    ("view", "size"),
    [
        ("packed", (672, 48)),
        ("left", (336, 48)),
        ("right", (336, 48)),
        ("sbs", (672, 48)),
        ("anaglyph", (336, 48)),
    ],
)
def test_a_view_is_what_a_snapshot_shows(
    stream: str, tmp_path: Path, view: str, size: tuple[int, int]
) -> None:
    watch(stream, "--snapshot", tmp_path / "eye.png", "--view", view)
    with av.open(tmp_path / "eye.png") as picture:
        (frame,) = picture.decode(video=0)
    assert (frame.width, frame.height) == size


def test_the_end_of_the_stream_is_success(address: Address) -> None:
    with ScriptedServer(address, END):
        assert "the stream ended" in watch(address.url)


def test_a_recording_without_a_picture_is_an_error(address: Address, tmp_path: Path) -> None:
    with ScriptedServer(address, END), pytest.raises(EncodeError, match="no key picture came"):
        watch(address.url, "--record", tmp_path / "out.mkv")
    assert not list(tmp_path.glob("*out*"))


def test_files_that_exist_are_kept(stream: str, tmp_path: Path) -> None:
    video, picture = tmp_path / "o.mkv", tmp_path / "o.png"
    video.write_text("precious")
    picture.write_text("precious")
    with pytest.raises(EncodeError, match="exists already"):
        watch(stream, "--record", video, "--frames", 1)
    with pytest.raises(ConfigError, match="exists already; add --overwrite"):
        watch(stream, "--snapshot", picture)
    assert (video.read_text(), picture.read_text()) == ("precious", "precious")
    watch(stream, "--record", video, "--frames", 3, "--overwrite")
    assert frames_in(video) == 3


def test_an_address_off_this_machine_needs_keys() -> None:
    with pytest.raises(TransportError, match="no keys were given"):
        watch("tcp://192.0.2.1:5570")


def test_a_window_shows_the_stream_and_counts_the_last_stage(
    stream: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pygame", exc_type=ImportError)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    report = tmp_path / "o.json"
    watch(
        stream, "--window", "--view", "anaglyph", "--measure", "--frames", 5, "--json", report
    )  # fmt: skip
    assert "present" in json.loads(report.read_text())["stages_ms"]


def test_a_window_without_pygame_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    monkeypatch.delitem(sys.modules, "stereocast.runtime.watch.window", raising=False)
    with pytest.raises(StereocastError, match=r"pip install 'stereocast\[view\]'"):
        watch("nowhere", "--window")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_finished_recording_and_torch_was_never_loaded(
    stream: str, tmp_path: Path, number: signal.Signals
) -> None:
    video = tmp_path / "out.mkv"
    program = (
        # A background job starts with Ctrl-C ignored, and would rightly keep it ignored.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from stereocast.runtime.cli import app\n"
        f"app(['watch', {stream!r}, '--record', {str(video)!r}, '--measure'],"
        " standalone_mode=False)\n"
        "print('torch' in sys.modules)"
    )
    unfinished = tmp_path / ".out.partial.mkv"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        eventually(unfinished.exists, within_s=60)
        time.sleep(1)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    shown = re.search(r"stopped:\n(\d+) frames shown", output)
    assert shown, output
    assert frames_in(video) == int(shown[1]) > 0
    assert output.endswith("False\n")
