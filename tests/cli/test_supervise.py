"""`--supervise`, SIGTERM and SIGKILL: what dies is started again, what should end ends."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stereocast.engine.errors import TransportError
from stereocast.runtime.address import parse_address
from stereocast.runtime.cli.supervise import MAX_QUICK_ENDS, Supervisor, without_flag
from stereocast.runtime.client import StreamClient
from stereocast.runtime.source.live.backoff import Backoff
from stereocast.runtime.watch.session import Ending, WatchSession
from tests.commands import Process
from tests.senders import TcpSender

Start = Callable[..., Process]
PATIENCE_S = 60.0


def quick() -> Backoff:
    return Backoff(first_s=0.01, longest_s=0.02, chance=random.Random(1))


def script(tmp_path: Path, *ends: str) -> list[str]:
    """Return a command that ends as the next of `ends` says each time it is started."""
    count = tmp_path / "count"
    program = (
        f"import os, signal, sys, time; from pathlib import Path; file = Path({str(count)!r});"
        "n = int(file.read_text()) if file.exists() else 0; file.write_text(str(n + 1));"
        f"exec({ends!r}[min(n, {len(ends) - 1})])"
    )
    return [sys.executable, "-S", "-c", program]


def test_what_dies_is_started_again_until_it_ends_as_it_should(tmp_path: Path) -> None:
    command = script(tmp_path, "os.kill(os.getpid(), 9)", "sys.exit(1)", "sys.exit(70)", "0")
    supervisor = Supervisor(command, backoff=quick())
    assert supervisor.run() == 0
    assert supervisor.starts == 4


def test_a_wrong_command_line_is_not_tried_twice(tmp_path: Path) -> None:
    supervisor = Supervisor(script(tmp_path, "sys.exit(2)"), backoff=quick())
    assert (supervisor.run(), supervisor.starts) == (2, 1)


def test_what_never_worked_is_given_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor(script(tmp_path, "sys.exit(1)"), backoff=quick())
    assert (supervisor.run(), supervisor.starts) == (1, MAX_QUICK_ENDS)
    assert "given up" in capfd.readouterr().err


def test_what_has_worked_once_is_never_given_up(tmp_path: Path) -> None:
    ends = ["time.sleep(0.3); sys.exit(1)", *["sys.exit(1)"] * (MAX_QUICK_ENDS + 3), "0"]
    supervisor = Supervisor(script(tmp_path, *ends), backoff=quick(), quick_s=0.25)
    assert (supervisor.run(), supervisor.starts) == (0, len(ends))


def test_a_signal_is_passed_on_and_ends_the_supervisor(tmp_path: Path) -> None:
    end = "signal.signal(15, lambda *_: sys.exit(0)); time.sleep(60)"
    supervisor = Supervisor(script(tmp_path, end), backoff=quick())
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert (supervisor.run(), supervisor.starts) == (0, 1)


def test_the_child_gets_the_same_command_line_without_the_flag() -> None:
    assert without_flag(["live", "a.mp4", "--supervise", "--web"])[3:] == ["live", "a.mp4", "--web"]


def readers_of(pid: int) -> list[int]:
    """Return the numbers of a process's children."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(word) for task in tasks for word in (task / "children").read_text().split()]


def gone(pid: int) -> bool:
    """Wait until a process is gone; a zombie is."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"ipc://{tmp_path / 's' / 'stream'}"


@pytest.mark.slow
def test_sigterm_drains_within_two_seconds_and_leaves_no_process(start: Start, place: str) -> None:
    sender = TcpSender()
    live = start("live", sender.url, "--address", place, "--set", "source.open_s=60")
    assert live.line().startswith("live at")
    with StreamClient(parse_address(place, folder=Path("/")), name="t") as client:
        session = WatchSession(client, [])
        session.run(seconds=PATIENCE_S, frames=3)
        (reader,) = readers_of(live.pid)
        live.send(signal.SIGTERM)
        began = time.monotonic()
        assert session.run(seconds=PATIENCE_S) is Ending.END_OF_STREAM
        # Two seconds are the engine's own limits; the rest is the patience of a loaded machine.
        assert time.monotonic() - began < 10
    assert live.result().code == 0
    assert gone(reader)
    sender.close()


@pytest.mark.slow
def test_sigkill_of_the_engine_takes_its_reader_and_the_supervisor_brings_both_back(
    start: Start, place: str
) -> None:
    sender = TcpSender()
    top = start("live", sender.url, "--supervise", "--address", place, "--set", "source.open_s=60")
    assert top.line().startswith("live at")
    (engine,) = readers_of(top.pid)
    (reader,) = readers_of(engine)
    with StreamClient(parse_address(place, folder=Path("/")), name="t") as client:
        session = WatchSession(client, [])
        session.run(seconds=PATIENCE_S, frames=3)
        os.kill(engine, signal.SIGKILL)
        with pytest.raises(TransportError, match="vanished"):
            session.run(seconds=PATIENCE_S)
    assert gone(reader)
    assert top.line().startswith("live at")
    with StreamClient(parse_address(place, folder=Path("/")), name="t") as client:
        session = WatchSession(client, [])
        session.run(seconds=PATIENCE_S, frames=3)
    top.send(signal.SIGTERM)
    assert top.result().code == 0
    sender.close()


@pytest.mark.slow
def test_sigkill_of_a_viewer_or_the_gateway_leaves_the_stream_running(
    start: Start, place: str, tmp_path: Path
) -> None:
    report = tmp_path / "live.json"
    live = start(
        "live", "testsrc:?size=320x180", "--address", place, "--web", "--web-port", "0",
        "--json", report,
    )  # fmt: skip
    assert live.line().startswith("live at")
    deadline = time.monotonic() + PATIENCE_S
    while not readers_of(live.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    (gateway,) = readers_of(live.pid)
    viewer = start("watch", place)
    viewer.line()
    viewer.send(signal.SIGKILL)
    os.kill(gateway, signal.SIGKILL)
    while readers_of(live.pid) in ([], [gateway]) and time.monotonic() < deadline:
        time.sleep(0.05)
    (again,) = readers_of(live.pid)
    assert again != gateway
    with StreamClient(parse_address(place, folder=Path("/")), name="t") as client:
        session = WatchSession(client, [])
        session.run(seconds=PATIENCE_S, frames=5)
    live.send(signal.SIGTERM)
    assert live.result().code == 0
    assert json.loads(report.read_text())["frames_out"] >= 5
