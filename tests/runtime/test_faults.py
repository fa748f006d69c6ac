"""Faults that are brought about on purpose; what users see of each is in docs/faults.md."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from stereocast.engine.errors import DeviceLost, EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.encode import Packet
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.soundness import is_loss
from stereocast.runtime.source.live.demux import _taken_ns
from stereocast.runtime.viewers import ViewerLimits
from stereocast.runtime.watch.session import WatchSession
from tests.camera import Camera
from tests.running import Running
from tests.senders import Relay
from tests.streams import STREAM, next_frame, write

PATIENCE_S = 30.0
REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address(f"ipc://{tmp_path / 's' / 'stream'}", folder=tmp_path)


def test_a_viewer_that_never_grants_credit_takes_nothing_from_the_others(address: Address) -> None:
    with (
        RouterSink(address, STREAM) as sink,
        StreamClient(address, name="idle", credit=1),
        StreamClient(address, name="busy") as busy,
    ):
        for seq in range(12):
            assert sink.wait_for_credit(5)
            write(sink, seq)
            assert next_frame(busy).seq == seq
            busy.grant(1, seq)
        # It got the one picture it had credit for, and costs nobody anything since.
        assert sink.counters["drop credit"] == 11
        deadline = time.monotonic() + PATIENCE_S
        while sink.counters["frames_sent"] < 13 and time.monotonic() < deadline:
            time.sleep(0.01)  # it counts when the socket has taken the frame, perhaps after it came
        assert sink.counters["frames_sent"] == 13


def test_a_half_open_connection_is_forgotten_and_the_others_watch_on() -> None:
    limits = ViewerLimits(silence_ns=2_000_000_000)
    place = parse_address("tcp://127.0.0.1:*", folder=Path("/"))
    with RouterSink(place, STREAM, limits=limits) as sink:
        port = int(sink.address.url.rpartition(":")[2])
        relay = Relay(port)
        lost = StreamClient(parse_address(relay.url, folder=Path("/")), name="lost")
        with lost, StreamClient(sink.address, name="here") as here:
            assert sink.viewers == 2
            relay.stall()  # as a cable that is pulled: nothing arrives, and nobody is told
            seq, deadline = 0, time.monotonic() + PATIENCE_S
            while sink.viewers > 1 and time.monotonic() < deadline:
                if sink.wait_for_credit(0.1):
                    write(sink, seq)
                    assert next_frame(here).seq == seq
                    here.grant(1, seq)
                    seq += 1
                here.ping()
                time.sleep(0.02)
            assert sink.viewers == 1
            assert seq > 5
            relay.close()


@pytest.mark.parametrize("step_s", [-3600, 3600, 10**9])
def test_a_wall_clock_that_is_set_changes_no_age(
    monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    unit, came_ns = Fraction(1, 1_000_000), time.monotonic_ns()
    pts = time.time_ns() // 1000  # a screen counts in the wall clock
    before = _taken_ns(pts, unit, came_ns)
    now_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + step_s * 10**9)
    after = _taken_ns(pts, unit, came_ns)
    assert abs(before - came_ns) < 10**9
    assert after == came_ns


def test_no_other_code_of_a_stream_reads_the_wall_clock() -> None:
    reads = {
        file.relative_to(REPOSITORY).as_posix()
        for file in (REPOSITORY / "runtime").rglob("*.py")
        if re.search(r"time\.time(_ns)?\(|datetime\.now", file.read_text(encoding="utf-8"))
    }
    # Sessions of the page and its certificate have dates; a screen's times are checked above.
    allowed = {"runtime/source/live/demux.py", "runtime/web/app.py", "runtime/web/gate.py"}
    assert reads <= allowed | {"runtime/web/certificate.py"}


def poison(state: object) -> int:
    """Set every float of a state to NaN; return how many tensors that were."""
    if isinstance(state, torch.Tensor):
        if not state.is_floating_point():
            return 0
        with torch.inference_mode():
            state.fill_(float("nan"))
        return 1
    parts: list[object] = []
    if is_dataclass(state):
        parts = [getattr(state, entry.name) for entry in fields(state)]
    elif isinstance(state, tuple | list):
        parts = list(state)
    return sum(poison(part) for part in parts)


def test_a_state_poisoned_with_nan_is_forgotten_within_one_frame(address: Address) -> None:
    with (
        Running(Camera(count=10_000, fps=20.0), address) as running,
        StreamClient(address, name="test") as client,
    ):
        session = WatchSession(client, [])
        session.run(seconds=PATIENCE_S, frames=3)
        assert running.report.poisoned == 0
        assert poison(running.session._state.temporal) > 3
        deadline = time.monotonic() + PATIENCE_S
        while running.report.poisoned == 0 and time.monotonic() < deadline:
            session.run(seconds=0.1)
        shown = session.counts.shown
        session.run(seconds=PATIENCE_S, frames=shown + 3)
    assert running.report.poisoned == 1
    assert running.failure is None
    assert session.counts.decode == 0


@pytest.mark.parametrize(
    ("text", "is_lost"),
    [
        ("CUDA error: an illegal memory access was encountered", True),
        ("CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure", True),
        ("CUDA out of memory. Tried to allocate 2 GiB", False),
        ("The size of tensor a must match", False),
    ],
)
def test_only_what_no_later_call_survives_is_a_loss_of_the_device(text: str, is_lost: bool) -> None:
    assert is_loss(RuntimeError(text)) is is_lost


@pytest.fixture
def failing_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Let the next steps of every session fail as a lost GPU does; there is no GPU to lose here."""

    def fail() -> None:
        def step(*_: object, **__: object) -> StereoFrame:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

        monkeypatch.setattr("stereocast.engine.session.Session.step", step)

    yield fail


def test_a_lost_device_ends_the_stream_and_says_what_helps(
    address: Address, failing_device: Callable[[], None]
) -> None:
    failing_device()
    with Running(Camera(count=10_000), address) as running, StreamClient(address, name="test"):
        assert running.ended()
    assert isinstance(running.failure, DeviceLost)
    assert "illegal memory access" in str(running.failure)
    assert "--supervise" in str(running.failure)


FULL_DISK = """
import resource, sys
from pathlib import Path
from stereocast.engine.errors import EncodeError
from stereocast.engine.layout import Layout
from stereocast.runtime.packet import Packet
from stereocast.runtime.sink.output import VideoShape
from stereocast.runtime.sink.record import Recorder
import av, numpy as np
encoder = av.CodecContext.create("mjpeg", "w")
encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 180, "yuvj420p", 1
noise = np.random.default_rng(0).integers(0, 256, (270, 320), np.uint8)
frame = av.VideoFrame.from_ndarray(noise, format="yuvj420p")
data = bytes(encoder.encode(frame)[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (10 * len(data), 10 * len(data)))
video = VideoShape(width=320, height=180, fps=30, layout=Layout.FULL_SBS)
recorder = Recorder(Path(sys.argv[1]), codec="mjpeg", video=video)
try:
    try:
        for index in range(100):
            recorder.write(Packet(data, index * 33_000_000, True))
    finally:
        recorder.close()
except EncodeError as error:
    print(error)
"""


def test_a_full_disk_costs_a_recording_its_end_and_not_what_came_before(tmp_path: Path) -> None:
    """The limit on a file's size fails as a full disk does, where nobody can fill a disk."""
    import av

    path = tmp_path / "a.mkv"
    said = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    assert re.match(rf"{re.escape(str(path))}: cannot be (written|finished) \(.*\)", said)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mkv"]
    with av.open(str(path)) as clip:
        assert 5 <= sum(1 for _ in clip.demux(video=0)) <= 12


class _FailingEncoder:
    """An encoder that fails once its time has come."""

    codec, codec_string = "h264", "avc1.42c01f"

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        raise EncodeError(f"x264: picture {frame.index} failed")

    def close(self) -> None:
        return


def test_an_encoder_that_fails_is_replaced_and_viewers_see_a_key_picture(address: Address) -> None:
    with (
        Running(Camera(count=10_000, fps=20.0), address) as running,
        StreamClient(address, name="test") as client,
    ):
        session = WatchSession(client, [])
        session.run(seconds=PATIENCE_S, frames=3)
        running.break_encoder(_FailingEncoder())
        session.run(seconds=PATIENCE_S, frames=session.counts.shown + 3)
    assert running.failure is None
    assert running.report.encoder_failures == 1
    assert session.counts.decode == 0
