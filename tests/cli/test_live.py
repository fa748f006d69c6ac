"""`stereocast live` with `stereocast watch`, as two people meet them."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import clips
from tests.clips import Clip
from tests.commands import Process, Stereocast, wait_for

Start = Callable[..., Process]


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"ipc://{tmp_path / 's' / 'stream'}"


def test_keys_carry_a_stream_over_tcp_and_every_picture_is_proven(
    stereocast: Stereocast, start: Start, inside: Path
) -> None:
    clips.write(inside / "in.mp4", Clip(height=180, width=320, count=20))
    assert stereocast("keys", "k").code == 0
    live = start(
        "live", "in.mp4", "--address", "tcp://127.0.0.1:*", "--curve", "k/server",
        "--latency-strip", "--json", "live.json",
    )  # fmt: skip
    place = re.match(r"live at (tcp://127\.0\.0\.1:\d+) ", live.line())
    assert place
    assert stereocast("keys", "others").code == 0
    # A stranger's keys get no answer at all; five seconds of it are tested with the client.
    watched = stereocast(
        "watch", place[1], "--curve", "k/client", "--measure", "--json", "watch.json"
    )
    assert (watched.code, watched.err) == (0, [])
    ended = live.result()
    assert (ended.code, ended.err) == (0, [])
    assert ended.out == ["20 of 20 frames sent, " + ended.out[0].split("sent, ")[1]]
    seen, sent = (json.loads((inside / name).read_text()) for name in ("watch.json", "live.json"))
    assert (seen["frames_out"], seen["strips"]["proven"]) == (20, 20)
    assert (sent["schema"], sent["frames_out"]) == ("stereocast/live/1", 20)
    assert sent["drops"] == {"credit": 0, "busy": 0, "source": 0}
    assert sent["config"]["threads"]["native"] >= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_stream_and_tells_the_viewers(
    stereocast: Stereocast, start: Start, inside: Path, address: str, number: signal.Signals
) -> None:
    clips.write(inside / "in.mp4", Clip(count=1000))
    live = start("live", "in.mp4", "--address", address)
    assert live.line().startswith(f"live at {address} ")
    if number is signal.SIGTERM:  # once is enough
        second = stereocast("live", "in.mp4", "--address", address)
        assert (second.code, len(second.err)) == (1, 1)
        assert "a stream is running there" in second.err[0]
    timer = threading.Timer(0.6, lambda: live.send(number))
    timer.start()
    watched = stereocast("watch", address)
    timer.join()
    assert watched.code == 0
    assert "the stream ended:" in watched.out
    ended = live.result()
    assert (ended.code, ended.err) == (0, [])


def test_a_file_that_breaks_ends_the_stream_with_one_line_and_code_3(
    stereocast: Stereocast, start: Start, inside: Path, address: str
) -> None:
    clips.damaged(inside / "in.mp4")
    live = start("live", "in.mp4", "--address", address, "--json", "live.json")
    live.line()
    watched = stereocast("watch", address)
    assert (watched.code, watched.err) == (0, [])
    assert any(line.startswith("10 frames shown") for line in watched.out)
    ended = live.result()
    assert ended.code == 3
    complaints = [line for line in ended.err if not line.startswith("note: ")]
    assert len(complaints) == 1
    assert complaints[0].startswith("stereocast: in.mp4: at picture 10")
    report = json.loads((inside / "live.json").read_text())
    assert report["frames_out"] == 10
    assert f"stereocast: {report['partial']}" == complaints[0]


def test_a_viewer_whose_server_dies_says_so(
    stereocast: Stereocast, start: Start, inside: Path, address: str
) -> None:
    clips.write(inside / "in.mp4", Clip(count=1000))
    live = start("live", "in.mp4", "--address", address)
    live.line()
    timer = threading.Timer(0.5, live.kill)
    timer.start()
    watched = stereocast("watch", address)
    timer.join()
    assert (watched.code, len(watched.err)) == (1, 1)
    assert watched.err[0].startswith(f"stereocast: {address}")
    wait_for(lambda: not live.is_running())
    clips.write(inside / "short.mp4", Clip(count=5))
    again = start("live", "short.mp4", "--address", address)
    assert again.line().startswith("live at ")  # what the dead one left is no obstacle
    assert stereocast("watch", address).code == 0


REFUSALS = {
    "nowhere.mp4": "nowhere.mp4: no such file",
    "in.mp4 --address a/b": "address 'a/b' is not understood",
    "in.mp4 --address tcp://127.0.0.1:99999": "is not understood; give tcp://HOST:PORT",
    "in.mp4 --address ipc:///nowhere/at/all": "/nowhere/at: cannot hold sockets",
    "in.mp4 --address tcp://127.0.0.1:* --curve nowhere": "no readable key file",
    "in.mp4 --set live.codec=vp9": "live.codec: 'vp9' is not one of",
}


@pytest.mark.parametrize(("arguments", "words"), REFUSALS.items())
def test_a_refusal_is_one_line(
    stereocast: Stereocast, inside: Path, arguments: str, words: str
) -> None:
    clips.write(inside / "in.mp4", Clip(count=3))
    result = stereocast("live", *arguments.split())
    assert (result.code, result.out, len(result.err)) == (1, [], 1)
    assert result.err[0].startswith("stereocast: ")
    assert words in result.err[0]


def test_the_doctor_finds_this_machine_able(stereocast: Stereocast, inside: Path) -> None:
    result = stereocast("doctor", "--json", "doctor.json")
    assert (result.code, result.err) == (0, [])
    report = json.loads((inside / "doctor.json").read_text())
    assert report["able"] is True
    assert report["transport"]["works"] is True
    assert [encoder["name"] for encoder in report["encoders"]] == ["x264", "mjpeg"]
    assert report["machine"]["cores_usable"] >= 1
    assert max(map(len, result.out)) <= 100
