"""Ctrl-C, SIGTERM and a closed terminal: all of them end a command in good order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_signals() -> None:
    """Let every signal that asks a program to end raise KeyboardInterrupt, as Ctrl-C does.

    What was ignored when the program started, as nohup does with SIGHUP, stays ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


@contextmanager
def stopping_gently(stop: Callable[[], None], *, patient: bool = False) -> Iterator[None]:
    """Let the first signal call `stop`, which must only note it; the second one interrupts.

    stop     runs between two instructions of the main thread: it must not wait for a lock
    patient  let no later signal interrupt: what is under way is short, and must be tidied up
    """
    before = {number: signal.getsignal(number) for number in _ENDING}

    def note(_number: int, _frame: FrameType | None) -> None:
        if not patient:
            for number, handler in before.items():
                signal.signal(number, handler)
        stop()

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
