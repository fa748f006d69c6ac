"""What `stereocast convert` costs: CPU time of the whole program, and where it goes."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from stereocast.bench.timing import memory_copy
from stereocast.engine.errors import StereocastError
from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.runtime import machine, threads
from stereocast.runtime.cli.sessions import open_session
from stereocast.runtime.config import Config
from stereocast.runtime.sink.file import FileSink
from stereocast.runtime.sink.output import VideoShape
from stereocast.runtime.source.file import FileOptions
from stereocast.runtime.source.open import open_source
from stereocast.runtime.threads import ThreadsConfig

GOAL_CPU_MS = 83.0
"""CPU milliseconds per frame, whole program, 1280×720 to 2560×720, superfast crf 20, depth by the
built-in network: 24 frames a second of two idle cores."""

_STAGES = ("decode", "depth", "refine", "warp", "encode")


def run(source: str, *, frames: int | None) -> dict[str, object]:
    """Convert `source` twice: as a user would, and stage by stage on one thread."""
    copy = memory_copy()
    whole = _whole_program(source, frames)
    stages = _stage_by_stage(source, frames)
    count = whole["frames_out"]
    startup = _cpu_of([sys.executable, "-c", "import stereocast.runtime.convert, torch"])
    return {
        "schema": "stereocast/bench-convert/1",
        "machine": machine.facts(),
        "source": Path(source).name,
        "frames": count,
        "goal_cpu_ms": GOAL_CPU_MS,
        "yardstick_copy_64_mib_ms": copy.report(),
        "whole_program": whole,
        "stages_cpu_ms": {**stages, "start-up, shared by all frames": round(startup / count, 3)},
    }


def _whole_program(source: str, frames: int | None) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        target, report = Path(folder) / "out.mkv", Path(folder) / "report.json"
        limit = [] if frames is None else ["--frames", str(frames)]
        command = [sys.executable, "-m", "stereocast.runtime.cli", "convert", source, str(target)]
        began = time.monotonic()
        cpu_ms = _cpu_of([*command, "--json", str(report), *limit])
        wall_s = time.monotonic() - began
        result = json.loads(report.read_text())
        count = result["frames_out"]
        return {
            "frames_in": result["frames_in"],
            "frames_out": count,
            "cpu_ms_per_frame": round(cpu_ms / count, 2),
            "wall_s": round(wall_s, 2),
            "fps": round(count / wall_s, 1),
            "bytes": target.stat().st_size,
        }


def _cpu_of(command: list[str]) -> float:
    """Run a command and return the CPU milliseconds, user and system, that it used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0:
        words = run.stderr.strip().splitlines() or [f"{command[0]} failed without a word"]
        raise StereocastError(words[-1].removeprefix("stereocast: "))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def _stage_by_stage(source: str, frames: int | None) -> dict[str, float]:
    """Return CPU milliseconds per frame of each stage, one after the other in this process."""
    one = ThreadsConfig(native=1, networks=1)
    config = replace(Config(), threads=threads.apply(one))
    spent = dict.fromkeys(_STAGES, 0.0)
    opened = open_source(source, FileOptions(frames=frames))
    info = opened.info
    session = open_session((info.height, info.width), config, Layout.FULL_SBS).session
    height, width = session.layout.packed_size(info.height, info.width)
    shape = VideoShape(width, height, info.fps, session.layout, info.time_base)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        with FileSink(Path(folder) / "out.mkv", video=shape, threads=1) as sink:
            clock = _StageClock(spent)
            for frame in opened:
                clock("decode")
                picture: StereoFrame = session.step(frame, mark=clock)
                clock("warp")
                sink.write(picture)
                clock("encode")
                count += 1
        opened.close()
    return {name: round(value * 1e3 / max(count, 1), 3) for name, value in spent.items()}


class _StageClock:
    """Adds the CPU time since the last call to the stage that is named."""

    def __init__(self, spent: dict[str, float]) -> None:
        self._spent = spent
        self._last = time.process_time()

    def __call__(self, stage: str) -> None:
        now = time.process_time()
        self._spent[stage] += now - self._last
        self._last = now
