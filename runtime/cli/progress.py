"""How far long work is: a bar with rate and time left on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_INTERVAL_S = 10.0
"""Where output is no terminal a line stays, so there are few."""


@contextmanager
def progress(word: str, total: int | None, *, unit: str = "frames") -> Iterator[Callable[[], None]]:
    """Show how far `word` is on standard error; yield what counts one of `unit`.

    total  how many are to come as far as one can tell; None: nobody knows
    """
    if not sys.stderr.isatty():
        yield _Lines(word, total, unit).advance
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeftColumn

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    ]
    if total is not None:
        columns += [TimeLeftColumn(), TextColumn("left", style="progress.remaining")]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, word, total, unit).advance


class _Bar:
    def __init__(self, bar: Progress, word: str, total: int | None, unit: str) -> None:
        self._bar, self._unit = bar, unit
        self._task = bar.add_task(word, total=total, rate="")
        self._began = time.monotonic()
        self._count = 0

    def advance(self) -> None:
        self._count += 1
        rate = self._count / max(time.monotonic() - self._began, 1e-6)
        self._bar.update(self._task, advance=1, rate=_rate_words(rate, self._unit))


class _Lines:
    def __init__(self, word: str, total: int | None, unit: str) -> None:
        self._word, self._total, self._unit = word, total, unit
        self._began = time.monotonic()
        self._next = self._began + PLAIN_INTERVAL_S
        self._count = 0

    def advance(self) -> None:
        self._count += 1
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PLAIN_INTERVAL_S
        rate = self._count / (now - self._began)
        words = progress_words(self._count, self._total, rate, unit=self._unit)
        typer.echo(f"{self._word}: {words}", err=True)


def progress_words(count: int, total: int | None, rate: float, *, unit: str = "frames") -> str:
    """Say how far it is: "240 of 720 frames, 24.0 fps, 20 s left"; `rate` in `unit` a second."""
    if total is None:
        return f"{count} {unit}, {_rate_words(rate, unit)}"
    left_s = max(0, total - count) / rate
    return f"{count} of {total} {unit}, {_rate_words(rate, unit)}, {left_s:.0f} s left"


def _rate_words(rate: float, unit: str) -> str:
    return f"{rate:.1f} fps" if unit == "frames" else f"{rate:.1f} {unit}/s"


@contextmanager
def building() -> Iterator[tuple[Callable[[str], None], Callable[[str, int, int], None]]]:
    """Yield what announces a piece of work and what advances it: a bar, or lines in a log.

    The latter is told a phase, steps done and steps in all.
    """
    from rich.console import Console
    from rich.progress import Progress

    quiet = not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=None, visible=False)

        def say(what: str) -> None:
            if quiet:
                typer.echo(f"{what} …", err=True)
            bar.reset(task, total=None, description=what, visible=True)

        def advance(_phase: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield say, advance
