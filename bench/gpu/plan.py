"""How much is measured, in which time: sizes, counts, and what a part may take of the whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stereocast.bench.gpu.clock import Loads
from stereocast.engine.depth.vda.architecture import ARCHITECTURES, Architecture

Size = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """Everything about a run but the device. The defaults are what is published.

    architecture  of the depth network, which gets random weights; `network` is its name
    budget_s  of the whole; a part that no longer fits is left out, and the report says so
    """

    budget_s: float = 470.0
    small: tuple[Size, ...] = ((34, 46), (61, 93))
    hd: Size = (1080, 1920)
    uhd: Size = (2160, 3840)
    against_cpu: Size = (270, 480)
    grids: tuple[Size, ...] = ((392, 700), (518, 924))
    network: str = "vits"
    architecture: Architecture = ARCHITECTURES["vits"]
    kernel_calls: int = 100
    steps: int = 200
    frames: int = 2000
    soak_s: float = 180.0
    soak_fps: float = 60.0
    coded: int = 120
    loopback_s: float = 12.0
    loopback: tuple[str, ...] = ("testsrc:?size=1280x720&fps=30", "testsrc:?size=1920x1080&fps=60")
    loads: Loads = field(default_factory=Loads)


@dataclass(frozen=True)
class Part:
    """A piece of the report.

    run     takes the seconds that it may last, and returns what it found
    most_s  what it may take; where less than half of that is left of the whole, it is left out
    """

    name: str
    most_s: float
    run: Callable[[float], object]


class Clockwork:
    """Runs parts one after the other within a budget; a part that fails says so in its place."""

    def __init__(
        self,
        budget_s: float,
        *,
        say: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._now = say, now
        self._end = now() + budget_s

    def run(self, part: Part) -> object:
        """Return what a part found, or why it found nothing."""
        left_s = self._end - self._now()
        if left_s < part.most_s / 2:
            return {"skipped": f"{max(0.0, left_s):.0f} s were left, it may take {part.most_s:g}"}
        self._say(part.name)
        began = self._now()
        found = attempted(lambda: part.run(min(part.most_s, left_s)))
        if isinstance(found, dict):
            found["seconds"] = round(self._now() - began, 1)
        return found


def attempted(call: Callable[[], object]) -> object:
    """Return what a call finds, or its failure in words, so that the others go on."""
    try:
        return call()
    except Exception as error:  # whatever it is, it belongs into the report
        lines = str(error).strip().splitlines() or [""]
        return {"failed": f"{type(error).__name__}: {lines[0]}"}
