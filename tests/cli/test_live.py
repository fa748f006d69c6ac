"""`stereocast live` with `stereocast watch`, as two people meet them."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stereocast.runtime import wire
from stereocast.runtime.address import parse_address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.encode.probe import GPU_LADDER
from stereocast.runtime.watch.session import WatchSession
from tests import clips
from tests.clips import Clip
from tests.commands import Process, Stereocast
from tests.patience import eventually

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
    assert sum(sent["drops"].values()) == 0
    assert sent["config"]["threads"]["native"] >= 1


@pytest.mark.parametrize(
    "layout",
    ["half-tb", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cross-eyed", "vr180"))],
)
def test_barcodes_prove_both_eyes_of_other_layouts(
    stereocast: Stereocast, start: Start, inside: Path, address: str, layout: str
) -> None:
    clips.write(inside / "in.mp4", Clip(height=180, width=320, count=6))
    live = start(
        "live", "in.mp4", "--address", address, "--layout", layout, "--latency-strip",
    )  # fmt: skip
    assert live.line().startswith("live at ")
    watched = stereocast("watch", address, "--measure", "--json", "watch.json")
    assert (watched.code, watched.err) == (0, [])
    assert live.result().code == 0
    seen = json.loads((inside / "watch.json").read_text())
    assert (seen["frames_out"], seen["strips"]["proven"]) == (6, 6)
    assert seen["config"]["layout"] == layout


def test_a_barcode_is_refused_where_no_eyes_are_kept(stereocast: Stereocast, inside: Path) -> None:
    clips.write(inside / "in.mp4", Clip(count=2))
    result = stereocast("live", "in.mp4", "--layout", "anaglyph", "--latency-strip")
    assert (result.code, result.out, len(result.err)) == (1, [], 1)
    assert "anaglyph does not keep them; leave it out or choose another" in result.err[0]


def test_eyes_that_were_mixed_cannot_be_watched_alone(
    stereocast: Stereocast, start: Start, inside: Path, address: str
) -> None:
    clips.write(inside / "in.mp4", Clip(count=2))
    live = start("live", "in.mp4", "--address", address, "--layout", "anaglyph")
    assert live.line().startswith("live at ")
    refused = stereocast("watch", address, "--view", "left")
    assert (refused.code, len(refused.err)) == (1, 1)
    assert "--view left: the stream is anaglyph" in refused.err[0]
    assert stereocast("watch", address, "--snapshot", "eye.png", "--view", "packed").code == 0
    assert live.result().code == 0


def test_sigterm_ends_the_stream_and_tells_the_viewers(
    stereocast: Stereocast, start: Start, inside: Path, address: str
) -> None:
    clips.write(inside / "in.mp4", Clip(count=1000))
    with socket.socket(socket.AF_UNIX) as dead:  # its file stays, as after a kill: no obstacle
        (inside / "s").mkdir(mode=0o700)
        dead.bind(address.removeprefix("ipc://"))
    live = start("live", "in.mp4", "--address", address)
    assert live.line().startswith(f"live at {address} ")
    second = stereocast("live", "in.mp4", "--address", address)
    assert (second.code, len(second.err)) == (1, 1)
    assert "a stream is running there" in second.err[0]

    def end_it_when_watched() -> None:
        eventually((inside / ".out.partial.mkv").exists)
        live.send(signal.SIGTERM)

    ender = threading.Thread(target=end_it_when_watched)
    ender.start()
    watched = stereocast("watch", address, "--record", "out.mkv")
    ender.join()
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


def test_a_viewer_steers_a_file_and_ctrl_c_ends_it_in_a_pause(
    start: Start, inside: Path, address: str
) -> None:
    clips.write(inside / "in.mp4", Clip(count=75))
    live = start("live", "in.mp4", "--address", address, "--json", "live.json")
    live.line()
    with StreamClient(parse_address(address, folder=inside), name="Ada") as client:
        welcome = client.welcome
        client.send_quality(seek_s=2.0, paused=True)
        position_s = -1.0
        while position_s != 2.0:
            message = client.receive(30_000)
            assert message is not None
            if isinstance(message, wire.FrameMessage):
                position_s = message.facts["position_s"]
                client.grant(1)
        live.send(signal.SIGINT)
        ended = live.result()
    assert (ended.code, ended.err) == (0, [])
    assert (welcome.can_seek, welcome.duration_s, welcome.live) == (True, 3.0, False)
    assert welcome.controls is not None and welcome.ranges is not None
    assert set(welcome.controls) == set(welcome.ranges)
    assert welcome.ranges["strength"] == (0.0, 10.0)
    report = json.loads((inside / "live.json").read_text())
    played = report["playback"]
    assert (played["pauses"], played["seeks"], played["refused"]) == (1, 1, 0)


def test_the_built_in_scene_streams(stereocast: Stereocast, start: Start, address: str) -> None:
    live = start("live", "testsrc:?size=320x180&fps=20", "--address", address, "--latency-strip")
    live.line()
    watched = stereocast("watch", address, "--measure", "--frames", 10)
    assert "latency strip: 10 of 10 pictures proven in both eyes" in "\n".join(watched.out)
    live.send(signal.SIGINT)
    assert live.result().code == 0


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
    works = {encoder["name"]: encoder["works"] for encoder in report["encoders"]}
    assert list(works) == list(GPU_LADDER)
    decodes = {decoder["name"]: decoder["works"] for decoder in report["decoders"]}
    assert list(decodes) == ["nvdec", "nvdec-ffmpeg", "cpu"]
    assert decodes["cpu"]
    assert works["x264"] and works["mjpeg"]
    assert report["machine"]["cores_usable"] >= 1
    assert max(map(len, result.out)) <= 100


@pytest.mark.slow
def test_a_captured_stream_is_replayed_bit_for_bit(
    stereocast: Stereocast, start: Start, inside: Path, address: str
) -> None:
    clips.write(inside / "in.mp4", Clip(height=180, width=320, count=12))
    live = start("live", "in.mp4", "--address", address, "--capture", "a.capture")
    assert live.line().startswith("live at")
    with StreamClient(parse_address(address, folder=inside), name="t") as client:
        client.send_quality(strength=6.0)
        session = WatchSession(client, [])
        session.run(seconds=60.0)
    assert live.result().code == 0
    replayed = stereocast("replay", "a.capture", "--json", "r.json")
    assert (replayed.code, replayed.err) == (0, [])
    report = json.loads((inside / "r.json").read_text())
    assert (report["frames"], report["equal"]) == (12, 12)
