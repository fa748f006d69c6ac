"""`stereocast replay FILE`: the engine's work on a captured stream once more, and the same."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stereocast.runtime.cli.options import FramesOption, JsonOption
from stereocast.runtime.cli.outcome import ExitCode, complain, write_json

if TYPE_CHECKING:
    from stereocast.runtime.capture import Capture


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `live --capture` wrote.")],
    *,
    speed: Annotated[
        float, typer.Option(min=0, max=100, metavar="TIMES", help="1: as it was; 0: at once.")
    ] = 0.0,
    frames: FramesOption = None,
    json: JsonOption = None,
) -> None:
    """Repeat a captured stream and compare every picture, bit for bit.

    Exit code 1 means that a picture differs: the engine is not what it was, or does not run on the
    same backend. The configuration is the captured one.

    \b
    Examples:
      stereocast live camera: --capture room.capture --seconds 20
      stereocast replay room.capture
      stereocast replay room.capture --speed 1 --json report.json
    """
    from stereocast.runtime.capture import Capture

    with closing(Capture(file)) as capture:
        report = _repeat(capture, speed=speed, frames=frames)
    different = report["different"]
    typer.echo(
        f"{report['frames']} frames, {report['fps']:.1f} fps, {report['equal']} equal to what was "
        f"sent then, bit for bit"
    )
    write_json(json, report)
    if different:
        complain(f"{file}: {len(different)} pictures differ, the first one is frame {different[0]}")
        raise typer.Exit(ExitCode.FAILED)


def _repeat(capture: Capture, *, speed: float, frames: int | None) -> dict[str, Any]:
    from stereocast.engine.layout import Layout
    from stereocast.runtime import machine, threads
    from stereocast.runtime.capture import digest
    from stereocast.runtime.cli.live_rig import SessionShop
    from stereocast.runtime.config import Config, build

    config = build(Config, capture.head["config"], str(capture.path))
    config = replace(config, threads=threads.apply(config.threads))
    workshop = SessionShop(config, Layout(capture.head["layout"]))
    session, done, different = None, 0, []
    began_s, first_ns = time.monotonic(), None
    for step, frame in capture:
        if session is None or step.is_fresh:
            size = (frame.rgb.shape[1], frame.rgb.shape[2])
            session = workshop.session(size, step.rung)
        if step.is_reset:
            session.reset()
        first_ns = step.t_capture_ns if first_ns is None else first_ns
        if speed > 0:
            due_s = began_s + (step.t_capture_ns - first_ns) / 1e9 / speed
            time.sleep(max(0.0, due_s - time.monotonic()))
        stereo = session.step(
            frame, controls=step.controls, strip=step.strip, may_move_depth=step.may_move_depth
        )
        if digest(stereo.surface) != step.surface:
            different.append(step.index)
        done += 1
        if done == frames:
            break
    return {
        "schema": "stereocast/replay/1",
        "machine": machine.facts(),
        "captured_with": capture.head["packages"],
        "frames": done,
        "equal": done - len(different),
        "different": different,
        "fps": done / max(1e-9, time.monotonic() - began_s),
    }
