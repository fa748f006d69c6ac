"""How far long work is: a bar with the time left on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PLAIN_INTERVAL_S = 20.0
"""Where output is no terminal a line stays, so there are few."""


@contextmanager
def progress(word: str, total: int, *, done: int = 0) -> Iterator[Callable[[str], None]]:
    """Yield what counts one of `total` and says a few words of it, on standard error."""
    if not sys.stderr.isatty():
        yield _lines(word, total, done)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeftColumn

    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeLeftColumn(),
        TextColumn("{task.fields[said]}"),
    ]
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(word, total=total, completed=done, said="")
        yield lambda said: bar.update(task, advance=1, said=said)


def _lines(word: str, total: int, done: int) -> Callable[[str], None]:
    began, count, told = time.monotonic(), 0, 0.0

    def advance(said: str) -> None:
        nonlocal count, told
        count += 1
        now = time.monotonic() - began
        if now - told >= PLAIN_INTERVAL_S or done + count == total:
            told = now
            left_s = now / count * (total - done - count)
            print(
                f"{word}: {done + count} of {total}, {left_s / 60:.1f} min left  {said}",
                file=sys.stderr,
                flush=True,
            )

    return advance
