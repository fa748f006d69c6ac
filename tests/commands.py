"""Commands of the product as tests run them: in this process, or in one of their own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code, and the lines it printed."""

    code: int
    out: list[str]
    err: list[str]


Stereocast = Callable[..., Result]


def guessing(arguments: Sequence[object]) -> list[str]:
    """Return a command line that guesses depth, unless it says where depth shall come from.

    The built-in network is exported once for every shape of picture, which takes seconds: tests of
    other things do without. `test_models_at_work.py` runs what a user gets.
    """
    words = [str(argument) for argument in arguments]
    says = any(word in ("--model", "--config") or "depth.model" in word for word in words)
    if words[:1] in (["convert"], ["live"]) and not says:
        words += ["--set", "depth.model=prior"]
    return words


class Process:
    """A command in a process of its own; killed at the end of the test if it still runs."""

    def __init__(self, *arguments: object, stderr: int = subprocess.PIPE) -> None:
        # SIGINT may be ignored in processes that a shell started in the background.
        program = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
            "from stereocast.runtime.cli import main; main()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, *guessing(arguments)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def line(self) -> str:
        """Wait for the next line on standard output."""
        assert self._process.stdout is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(self._process.stdout.readline()))
        reader.start()
        reader.join(PATIENCE_S)
        return lines[0] if lines else ""

    def result(self) -> Result:
        out, err = self._process.communicate(timeout=PATIENCE_S)
        return Result(self._process.returncode, out.splitlines(), (err or "").splitlines())

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()
