"""A long life in short: many frames, viewers and changes of size, and whether it leaves a trace.

What is held and how it is judged is vitals.py and report.py; the streams are parts.py.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

from torch import Tensor

from stereocast.bench.soak import parts
from stereocast.bench.soak.sources import SIZE, pictures
from stereocast.runtime import machine

Bar = Callable[[str, int, str], AbstractContextManager[Callable[[], None]]]
"""Shows how far a part is: its name, how many units there are, what they are called."""


@dataclass(frozen=True)
class Case:
    """How long a life: 0 leaves a part out."""

    frames: int = 20_000
    minutes: float = 10.0
    connects: int = 1_000
    reconfigurations: int = 200


REHEARSAL = Case(frames=60, minutes=1 / 60, connects=3, reconfigurations=4)
"""What is loaded and started once and for all is, before anything is counted."""


def run(case: Case, bar: Bar) -> dict[str, object]:
    """Live through every part; return the report. Raises what a stream fails with."""
    before = machine.facts()
    shown = pictures()
    _live(REHEARSAL, shown, lambda *_: _Silent())
    gc.collect()
    lived = _live(case, shown, bar)
    return {
        "schema": "stereocast/bench-soak/1",
        "machine": before,
        "case": {**asdict(case), "size": SIZE},
        "parts": lived,
        "load_after": [round(load, 2) for load in os.getloadavg()],
    }


def _live(case: Case, shown: list[Tensor], bar: Bar) -> dict[str, dict[str, object]]:
    seconds = round(60 * case.minutes)
    lived = {}
    if case.frames:
        with bar("accelerated", case.frames, "frames") as advance:
            lived["accelerated"] = parts.frames(shown, case.frames, advance)
    if case.minutes:
        with bar("real time", seconds, "s") as advance:
            lived["real time"] = parts.real_time(case.minutes, advance)
    if case.connects:
        with bar("connects", case.connects, "viewers") as advance:
            lived["connects"] = parts.connects(shown, case.connects, advance)
    if case.reconfigurations:
        with bar("reconfigurations", case.reconfigurations, "changes") as advance:
            lived["reconfigurations"] = parts.reconfigurations(
                shown, case.reconfigurations, advance
            )
    return lived


class _Silent:
    def __enter__(self) -> Callable[[], None]:
        return lambda: None

    def __exit__(self, *_: object) -> None:
        return
