"""What a reader process tells its parent: one JSON object a line. Pure but for `tell`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from stereocast.engine.errors import SourceError

MAX_TEXT = 1000


@dataclass(frozen=True)
class Opened:
    """The source answers; ends: its end is no loss; channels: of its sound, 0 without."""

    fps: float
    ends: bool
    notes: tuple[str, ...]
    channels: int = 0


@dataclass(frozen=True)
class Picture:
    """Picture `number` lies in its slot; it was taken at t_capture_ns, time.monotonic_ns()."""

    number: int
    t_capture_ns: int


@dataclass(frozen=True)
class Failed:
    """It broke, or could not be opened."""

    text: str


@dataclass(frozen=True)
class Ended:
    """It came to its end."""


Event = Opened | Picture | Failed | Ended


def tell(out: int, event: Event) -> None:
    """Write an event to a pipe; raise BrokenPipeError if nobody reads there any more."""
    values = asdict(event)
    if isinstance(event, Failed):
        values["text"] = event.text[:MAX_TEXT]
    # A line is shorter than a pipe's unit: it arrives whole or not at all.
    os.write(out, json.dumps({"event": type(event).__name__, **values}).encode() + b"\n")


def parse(line: bytes) -> Event:
    """Read a line; raise SourceError for what no reader would write."""
    try:
        values = json.loads(line)
        match values.pop("event"):
            case "Opened":
                fps, ends, notes = values["fps"], values["ends"], values["notes"]
                channels = max(0, min(2, int(values["channels"])))
                return Opened(float(fps), bool(ends), tuple(str(note) for note in notes), channels)
            case "Picture":
                return Picture(int(values["number"]), int(values["t_capture_ns"]))
            case "Failed":
                return Failed(str(values["text"]))
            case "Ended":
                return Ended()
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise SourceError(f"the reader said something that is no event: {line[:60]!r}")
