"""runtime/capture and `replay`: what a stream did is done again, and is the same to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from stereocast.engine.errors import EncodeError, SourceError
from stereocast.engine.frame import Frame
from stereocast.engine.layout import Layout
from stereocast.engine.stereo import Controls
from stereocast.runtime import machine
from stereocast.runtime.capture import Capture, CaptureWriter, Done, Step
from stereocast.runtime.cli import run
from stereocast.runtime.cli.live_rig import SessionShop
from stereocast.runtime.ladder import RUNGS
from tests.clips import picture
from tests.running import GUESSING

SIZE, OTHER_SIZE = (48, 336), (36, 324)

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def frame(index: int, size: tuple[int, int] = SIZE) -> Frame:
    rgb = torch.from_numpy(picture(index, *size)).permute(2, 0, 1).contiguous()
    return Frame(rgb, index * 40_000_000, index)


def steps_of(path: Path) -> list[tuple[Step, Frame]]:
    with closing(Capture(path)) as capture:
        return list(capture)


@pytest.fixture
def shop() -> SessionShop:
    return SessionShop(GUESSING, Layout.FULL_SBS)


@pytest.fixture
def captured(tmp_path: Path, shop: SessionShop) -> Path:
    """A stream with all in it: controls, a barcode, a reset, a lighter rung, another size."""
    path = tmp_path / "a.capture"
    head = {"config": asdict(GUESSING), "layout": "full-sbs", "packages": machine.versions()}
    writer = CaptureWriter(path, head, shop.rung_of)
    session = shop.session(SIZE, RUNGS[0])
    for index in range(12):
        size = SIZE
        if index == 5:
            session = shop.session(SIZE, RUNGS[3])
        if index >= 10:
            size = OTHER_SIZE
        if index == 10:
            session = shop.session(size, RUNGS[3])
        if index == 8:
            session.reset()
        controls = replace(Controls(), strength=2.5 if index < 3 else 6.0)
        strip, may_move = (index, index) if index % 2 else None, index % 2 == 1
        made = session.step(
            frame(index, size), controls=controls, strip=strip, may_move_depth=may_move
        )
        done = Done(
            session, frame(index, size), made, index * 40_000_000, controls, strip, may_move,
            is_reset=index == 8,
        )  # fmt: skip
        writer.add(done)
    writer.close()
    assert writer.frames == 12
    return path


def test_pixels_and_all_that_the_engine_was_given_come_back(captured: Path) -> None:
    steps = steps_of(captured)
    assert [step.index for step, _ in steps] == list(range(12))
    assert all(
        torch.equal(kept.rgb, frame(i, SIZE if i < 10 else OTHER_SIZE).rgb)
        for i, (_, kept) in enumerate(steps)
    )
    assert [step.is_fresh for step, _ in steps] == [i in (0, 5, 10) for i in range(12)]
    assert [step.is_reset for step, _ in steps] == [i == 8 for i in range(12)]
    assert steps[3][0].controls.strength == 6.0
    assert steps[3][0].strip == (3, 3)
    assert steps[6][0].rung == RUNGS[3]


def test_a_replay_makes_the_same_pictures_bit_for_bit(
    captured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "r.json"
    assert run(["replay", str(captured), "--json", str(report)]) == 0
    assert "12 frames" in capsys.readouterr().out
    found = json.loads(report.read_text())
    assert (found["frames"], found["equal"], found["different"]) == (12, 12, [])


def test_a_replay_of_other_work_says_where_it_differs(
    captured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = captured.read_bytes()
    head, rest = data.split(b"\n", 1)
    captured.write_bytes(head.replace(b'"knee": 0.7', b'"knee": 0.1') + b"\n" + rest)
    assert run(["replay", str(captured)]) == 1
    assert "the first one is frame" in capsys.readouterr().err


def test_what_a_crash_cut_off_costs_the_last_step_only(captured: Path) -> None:
    data = captured.read_bytes()
    captured.write_bytes(data[:-100])
    assert [step.index for step, _ in steps_of(captured)] == list(range(11))


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"no capture at all", lambda data: b"", lambda data: b'{"format": 3}\n' + data],
)
def test_what_is_no_capture_is_refused(captured: Path, damage: Callable[[bytes], bytes]) -> None:
    captured.write_bytes(damage(captured.read_bytes()))
    with pytest.raises(SourceError, match="is no capture"):
        Capture(captured)


def test_a_damaged_step_is_one_line(captured: Path) -> None:
    head, rest = captured.read_bytes().split(b"\n", 1)
    captured.write_bytes(head + b"\n" + rest.replace(b'"index": 4', b'"indes": 4'))
    with pytest.raises(SourceError, match="a damaged step"):
        steps_of(captured)


def test_a_capture_is_never_written_over(captured: Path) -> None:
    with pytest.raises(EncodeError, match="exists already"):
        CaptureWriter(captured, {}, lambda _: RUNGS[0])


def test_a_disk_that_refuses_ends_the_stream_and_not_silently(
    tmp_path: Path, shop: SessionShop
) -> None:
    session = shop.session(SIZE, RUNGS[0])
    made = session.step(frame(0))
    done = Done(session, frame(0), made, 0, Controls(), None, False, False)
    writer = CaptureWriter(tmp_path / "a.capture", {}, shop.rung_of)
    writer._file.close()
    writer._file = Path("/dev/full").open("wb")  # noqa: SIM115  it refuses every byte
    with pytest.raises(EncodeError, match=r"cannot be written on: .*No space left"):
        for _ in range(1000):
            writer.add(done)
    writer.close()
