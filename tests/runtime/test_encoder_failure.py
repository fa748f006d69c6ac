"""Encoders that die in the middle of a stream: the gap, the steps down the ladder, what is said."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stereocast.engine.errors import EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.engine.session import Session
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.cli.live_rig import Workshop
from stereocast.runtime.client import StreamClient
from stereocast.runtime.config import Config
from stereocast.runtime.encode import Encoder, Packet
from stereocast.runtime.rig import Rig
from stereocast.runtime.watch.outputs import Shown
from stereocast.runtime.watch.session import WatchSession
from stereocast.runtime.wire import Flag
from tests.camera import Camera
from tests.patience import PATIENCE_S, soonest
from tests.running import Running, build_rig

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address(f"ipc://{tmp_path / 's' / 'stream'}", folder=tmp_path)


class Dying:
    """A real encoder until it has coded `lives` pictures."""

    def __init__(self, encoder: Encoder, lives: int) -> None:
        self.codec, self.codec_string = encoder.codec, encoder.codec_string
        self._encoder, self._lives = encoder, lives

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        self._lives -= 1
        if self._lives < 0:
            raise EncodeError("nvenc: a picture failed (out of sessions)")
        return self._encoder.encode(frame, keyframe=keyframe)

    def close(self) -> None:
        self._encoder.close()


class Diary:
    """An output that notes of each picture when it was shown, its epoch, whether it was a key."""

    presents = is_finished = False

    def __init__(self) -> None:
        self.shown: list[tuple[float, int, bool]] = []

    def take(self, shown: Shown) -> None:
        frame = shown.frame
        self.shown.append((time.monotonic(), frame.epoch, bool(frame.flags & Flag.KEY)))

    def idle(self) -> None:
        return

    def close(self) -> None:
        return


def gap_s(address: Address) -> float:
    """Return how long nothing came when the encoder died; what came then is checked."""
    camera = Camera(count=10_000, fps=20.0)
    rig = build_rig((48, 64), 20.0)
    with (
        Running(camera, address) as running,
        StreamClient(address, name="test") as client,
    ):
        diary = Diary()
        watch = WatchSession(client, [diary])
        watch.run(seconds=PATIENCE_S, frames=3)
        running.break_encoder(Dying(rig.encoder, lives=4))
        while watch.counts.restarts == 0 and watch.counts.shown < 1000:
            watch.run(seconds=PATIENCE_S, frames=watch.counts.shown + 1)
        watch.run(seconds=PATIENCE_S, frames=watch.counts.shown + 2)
    rig.close()
    assert running.failure is None
    assert running.report.encoder_failures == 1
    assert watch.counts.restarts == 1
    assert watch.counts.decode == 0
    first = next(n for n, entry in enumerate(diary.shown) if entry[1] != diary.shown[0][1])
    assert diary.shown[first][2], "after RECONFIG comes a key picture"
    return diary.shown[first][0] - diary.shown[first - 1][0]


def test_an_encoder_that_dies_costs_viewers_less_than_a_second(tmp_path: Path) -> None:
    addresses = iter(
        parse_address(f"ipc://{tmp_path / str(n) / 'stream'}", folder=tmp_path) for n in range(3)
    )
    assert soonest(3, 1.0, lambda: gap_s(next(addresses))) <= 1.0


def test_one_that_fails_again_is_left_out_and_the_session_stays(address: Address) -> None:
    asked: list[tuple[bool, bool]] = []

    def build(size: tuple[int, int], *, session: Session | None = None, lower: bool = False) -> Rig:
        asked.append((session is running.session, lower))
        rig = build_rig(size, 20.0, session=session)
        if lower:
            return rig
        return Rig(rig.session, Dying(rig.encoder, lives=2), rig.stream)

    with (
        Running(Camera(count=10_000, fps=20.0), address) as running,
        StreamClient(address, name="test") as client,
    ):
        running._stream._build = build
        watch = WatchSession(client, [])
        watch.run(seconds=PATIENCE_S, frames=2)
        running.break_encoder(Dying(build_rig((48, 64), 20.0).encoder, lives=1))
        while len(asked) < 2 and watch.counts.shown < 1000:
            watch.run(seconds=PATIENCE_S, frames=watch.counts.shown + 1)
        watch.run(seconds=PATIENCE_S, frames=watch.counts.shown + 3)
    assert running.failure is None
    assert asked == [(True, False), (True, True)]
    assert running.report.encoder_failures == 2


def test_the_ladder_is_climbed_down_aloud_until_nothing_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    workshop = Workshop(Camera(count=1).info, Config(), Layout.FULL_SBS)
    rig = workshop.build((48, 64))
    assert rig.encoder.codec == "h264"
    assert workshop.build((48, 64), session=rig.session).session is rig.session
    capsys.readouterr()
    lower = workshop.build((48, 64), session=rig.session, lower=True)
    assert lower.encoder.codec == lower.stream.codec == "mjpeg"
    assert capsys.readouterr().err.startswith("note: x264 failed again and is left out: x264")
    with pytest.raises(EncodeError, match="no encoder"):
        workshop.build((48, 64), session=rig.session, lower=True)
