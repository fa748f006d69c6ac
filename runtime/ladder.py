"""What a stream gives up, step by step, when the engine cannot keep up. Pure: time is passed in.

The ladder only decides; what a rung means is done by runtime/overload.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SECOND_NS = 1_000_000_000
BAD_LOAD = 1.0
"""Work that takes longer than a frame lasts."""
GOOD_LOAD = 0.7
"""Work that leaves room for the rung above; in between nothing changes."""
BAD_NS = 2 * SECOND_NS
GOOD_NS = 10 * SECOND_NS
LONGEST_GOOD_NS = 160 * SECOND_NS
_WINDOW = 60


@dataclass(frozen=True)
class Rung:
    """How much is done; each rung keeps what those above it have given up.

    name         what is given up here, in words for viewers
    simple_fill  holes are filled from their row, and nothing behind things is remembered
    grid_share   rows and columns of the depth grid, as a share of those configured
    depth_every  depth is estimated in every so many frames, and moved with the picture in between
    scale        size of the pictures, as a share of the source's
    take_every   of so many frames one is taken
    """

    name: str
    simple_fill: bool = False
    grid_share: float = 1.0
    depth_every: int = 1
    scale: float = 1.0
    take_every: int = 1


RUNGS = (
    Rung("everything is done"),
    Rung("holes are filled simply", True),
    Rung("depth on a smaller grid", True, 0.75),
    Rung("depth of every second picture", True, 0.75, 2),
    Rung("smaller pictures", True, 0.75, 2, 0.75),
    Rung("half the rate", True, 0.75, 2, 0.75, 2),
)


def rungs(*, can_shrink: bool) -> tuple[Rung, ...]:
    """Return the rungs of a stream whose pictures can become smaller, or cannot."""
    if can_shrink:
        return RUNGS
    kept = [rung for rung in RUNGS[:-1] if rung.scale == 1.0]
    return (*kept, Rung(RUNGS[-1].name, True, 0.75, 2, 1.0, 2))


class Workload:
    """How long the last frames took."""

    def __init__(self) -> None:
        self._durations: deque[int] = deque(maxlen=_WINDOW)

    def add(self, work_ns: int) -> None:
        """Note the work on one frame."""
        self._durations.append(work_ns)

    def p90_ns(self) -> int:
        """Return what nine of ten frames do not exceed; 0 while too few are known to tell."""
        if len(self._durations) < 5:
            return 0
        ordered = sorted(self._durations)
        return ordered[min(len(ordered) - 1, len(ordered) * 9 // 10)]

    def clear(self) -> None:
        """Forget them: what follows is other work."""
        self._durations.clear()


class Ladder:
    """Steps down after two bad seconds, up after ten good ones.

    Who steps up and has to come down again soon waits twice as long before the next try.

    index  the rung it stands on, 0 at the top
    downs, ups  steps taken
    """

    def __init__(self, rungs: tuple[Rung, ...], *, bad_ns: int = BAD_NS) -> None:
        """Stand at the top; step down after `bad_ns`."""
        self._bad_ns = bad_ns
        self.index = self.downs = self.ups = 0
        self._rungs = rungs
        self._good_ns = GOOD_NS
        self._bad_since_ns: int | None = None
        self._good_since_ns: int | None = None
        self._rose_ns: int | None = None

    @property
    def rung(self) -> Rung:
        """The rung it stands on."""
        return self._rungs[self.index]

    @property
    def height(self) -> int:
        """How many rungs lie below the top."""
        return len(self._rungs) - 1

    def observe(self, load: float, now_ns: int) -> Rung | None:
        """Return the rung it changes to, if it does; load is work as a share of a frame's time."""
        if load > BAD_LOAD:
            self._good_since_ns = None
            self._bad_since_ns = now_ns if self._bad_since_ns is None else self._bad_since_ns
            if now_ns - self._bad_since_ns >= self._bad_ns and self.index < self.height:
                return self._step_down(now_ns)
        elif load < GOOD_LOAD:
            self._bad_since_ns = None
            self._good_since_ns = now_ns if self._good_since_ns is None else self._good_since_ns
            if now_ns - self._good_since_ns >= self._good_ns and self.index > 0:
                return self._step_up(now_ns)
        else:
            self._bad_since_ns = self._good_since_ns = None
        return None

    def _step_down(self, now_ns: int) -> Rung:
        if self._rose_ns is not None and now_ns - self._rose_ns < self._good_ns:
            self._good_ns = min(LONGEST_GOOD_NS, 2 * self._good_ns)
        self._rose_ns = self._bad_since_ns = None
        self.index += 1
        self.downs += 1
        return self.rung

    def _step_up(self, now_ns: int) -> Rung:
        if self._rose_ns is not None:  # the rung before held
            self._good_ns = GOOD_NS
        self._rose_ns, self._good_since_ns = now_ns, None
        self.index -= 1
        self.ups += 1
        return self.rung


class Deadline:
    """Tells which frame to let pass before any work, because a younger one is about to come.

    A frame that would be shown late although the next one is nearer than the last is not worth its
    work. Never two in a row: under whatever load the stream goes on.
    """

    def __init__(self, frames: float = 2.0) -> None:
        """Take what is finished later than `frames` frame times after its capture for late."""
        self._frames = frames
        self._has_skipped = False

    def skips(self, age_ns: int, work_ns: int, interval_ns: int) -> bool:
        """Return whether to let a frame of this age pass; work_ns is what it would take."""
        is_late = age_ns + work_ns > self._frames * interval_ns
        is_next_near = age_ns > interval_ns // 2
        self._has_skipped = is_late and is_next_near and not self._has_skipped
        return self._has_skipped
