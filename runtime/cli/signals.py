"""Ctrl-C, SIGTERM and a closed terminal: all of them end a command in good order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_signals() -> None:
    """Let the first signal that asks the program to end raise KeyboardInterrupt, as Ctrl-C does.

    Later ones change nothing, so that nobody disturbs the tidying up. What was ignored when the
    program started, as nohup does with SIGHUP, stays ignored.
    """
    is_interrupted = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_interrupted
        if not is_interrupted:
            is_interrupted = True
            raise KeyboardInterrupt

    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def ignore_signals() -> None:
    """Let nothing interrupt what is left: the program is about to end."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def stopping_gently(stop: Callable[[], None], *, patient: bool = False) -> Iterator[None]:
    """Let the first signal call `stop`, which must only note it; the second one interrupts.

    stop     runs between two instructions of the main thread: it must not wait for a lock
    patient  let no later signal interrupt: what is under way is short, and must be tidied up
    """
    before = {number: signal.getsignal(number) for number in _ENDING}
    is_noted = False

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_noted
        is_noted = True
        if patient:
            ignore_signals()
        else:
            restore()
        stop()

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield
    finally:
        if not (patient and is_noted):
            restore()
