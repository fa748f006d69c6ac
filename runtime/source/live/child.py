"""A reader process as its parent holds it: start, listen, end whatever it does."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.live.events import Event, parse
from stereocast.runtime.source.live.recipe import Recipe

MODULE = "stereocast.runtime.source.live.reader"
MAX_LINE_BYTES = 65536


class ReaderChild:
    """One reader process.

    memory  descriptor of the ring of pictures, inherited by the process
    """

    def __init__(self, recipe: Recipe, memory: int, sound: int = -1) -> None:
        """Start it; `sound` is the socket where it sends sound, -1: none is wanted."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(memory), str(sound)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # FFmpeg prints what it meets; what matters is an event
            pass_fds=(memory,) if sound < 0 else (memory, sound),
            start_new_session=True,  # Ctrl-C is for the parent to answer
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._rest = b""
        with contextlib.suppress(BrokenPipeError):  # it died at once, which `listen` finds out
            self._process.stdin.write(recipe.to_json().encode() + b"\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def listen(self, timeout_s: float) -> list[Event] | None:
        """Return what it told, nothing after `timeout_s`, or None when it is gone.

        Raises SourceError for what no reader would tell.
        """
        ready, _, _ = select.select([self._out], [], [], timeout_s)
        if not ready:
            return []
        said = os.read(self._out, MAX_LINE_BYTES)
        if not said:
            return None
        *lines, self._rest = (self._rest + said).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise SourceError("the reader said something that does not end")
        return [parse(line) for line in lines]

    def how_it_ended(self) -> str:
        """Wait for the end of a process that is gone, and return how it ended, in words."""
        code = self._process.wait()
        return (
            f"its reader was killed by signal {-code}" if code < 0 else f"its reader ended ({code})"
        )

    def kill(self) -> None:
        """End it now, whatever it is doing; nothing of it is left. May be called twice."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
