"""runtime/overload: a stream that cannot keep up gives things up, says so, and stays young."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stereocast.engine.errors import ModelError
from stereocast.engine.session import Session
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.cli.live_rig import lightened
from stereocast.runtime.client import StreamClient
from stereocast.runtime.config import Config
from stereocast.runtime.ladder import RUNGS, Ladder, Rung, rungs
from stereocast.runtime.overload import Overload
from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.watch.session import WatchSession
from stereocast.runtime.wire import Notice
from tests.camera import Camera
from tests.running import Running

PATIENCE_S = 30.0
SECOND_NS = 1_000_000_000

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address(f"ipc://{tmp_path / 's' / 'stream'}", folder=tmp_path)


def test_under_overload_the_viewer_is_told_what_is_given_up_and_sees_on(address: Address) -> None:
    ladder = Ladder(rungs(can_shrink=False), bad_ns=SECOND_NS // 10)
    notices: list[str] = []
    # A thousand pictures a second: no machine makes both eyes of them.
    with (
        Running(Camera(count=10**6, fps=1000.0), address, ladder=ladder) as running,
        StreamClient(address, name="test") as client,
    ):
        first = running.session_in_force
        session = WatchSession(client, [], on_notice=notices.append)
        deadline = time.monotonic() + PATIENCE_S
        while ladder.index < ladder.height and time.monotonic() < deadline:
            session.run(seconds=0.1)
        session.run(seconds=PATIENCE_S, frames=session.counts.shown + 5)
        assert running.session_in_force is not first
    assert running.failure is None
    assert ladder.index == ladder.height
    assert notices[0] == "to keep up: holes are filled simply (step 1 of 4)"
    assert [text for _, text in running.overload.steps] == [
        rung.name for rung in rungs(can_shrink=False)[1:]
    ]
    assert session.counts.decode == session.counts.desync == 0


@pytest.fixture
def source() -> Iterator[PacedSource]:
    paced = PacedSource(Camera(count=1, fps=10.0))
    yield paced


def overload(source: PacedSource, build, told: list[Notice], ladder: Ladder) -> Overload:
    return Overload(source, ladder, build, told.append)


def overwork(subject: Overload, seconds: float) -> None:
    """Let frames that last 0.1 s take 0.2 s."""
    for step in range(round(seconds / 0.2)):
        subject.done(SECOND_NS // 5, step * SECOND_NS // 5)


def test_a_rung_that_cannot_be_built_is_told_and_ends_nothing(source: PacedSource) -> None:
    def build(_: tuple[int, int], rung: Rung) -> Session:
        raise ModelError(f"no network for {rung.name}")

    told: list[Notice] = []
    subject = overload(source, build, told, Ladder(RUNGS))
    overwork(subject, 4.0)
    subject.close()
    assert [notice.code for notice in told] == ["degrade", "degrade"]
    assert "not possible: no network for holes are filled simply" in told[1].text
    assert subject.new_session() is None


def test_nothing_is_decided_while_a_rung_is_being_built(source: PacedSource) -> None:
    built = []

    def build(size: tuple[int, int], rung: Rung) -> Session:
        built.append(rung)
        return Session(size)

    subject = overload(source, build, [], Ladder(RUNGS))
    overwork(subject, 4.0)
    subject.close()
    overwork(subject, 60.0)
    assert len(built) == 1, "its session waits to be taken"
    assert subject.new_session() is not None


def test_lighter_settings_are_settings() -> None:
    config = Config()
    last = lightened(config, RUNGS[-1])
    assert (last.stereo.fill_level, last.stereo.memory) == (1, False)
    assert (last.depth.height, last.depth.width) == (112, 196)
    assert lightened(config, RUNGS[0]) == config
