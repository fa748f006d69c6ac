"""stereocast in processes of its own, as a user runs it: started, awaited, never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stereocast.engine.errors import StereocastError

_STARTING_S = 60.0
_ENDING_S = 30.0
_PARTIAL = 3  # the source broke in the middle; what came before it was streamed
_INTERRUPTED = 130  # it was ending by itself when it was asked to


class Command:
    """One running `stereocast` command.

    quiet  keep what it prints for error messages; otherwise it prints to our terminal
    """

    def __init__(self, *arguments: str, quiet: bool = True) -> None:
        self.name = arguments[0]
        pipe = subprocess.PIPE if quiet else None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stereocast.runtime.cli", *arguments],
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def is_running(self) -> bool:
        """Return whether it has not ended yet."""
        return self._process.poll() is None

    def cpu_s(self) -> float:
        """Return the CPU time that it has used so far, user and system, seconds."""
        told = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Ask it to end, as Ctrl-C does, and wait for it; raise StereocastError if it fails."""
        self._process.terminate()
        self.finish(0, _INTERRUPTED)

    def finish(self, after_s: float, *also_good: int) -> None:
        """Wait until it ends, about `after_s` seconds from now.

        also_good  exit codes that are no failure here
        Raises StereocastError with its own last words if it fails or does not end.
        """
        try:
            output, errors = self._process.communicate(timeout=after_s + _ENDING_S)
        except subprocess.TimeoutExpired:
            raise StereocastError(f"stereocast {self.name} did not end in time") from None
        if self._process.returncode not in (0, _PARTIAL, *also_good):
            words = (errors or output or "it died without a word").strip().splitlines()
            raise StereocastError(words[-1].removeprefix("stereocast: "))

    def kill(self) -> None:
        """End it at once. Does nothing if it has ended."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def streaming(source: str, folder: Path, *options: str) -> Iterator[str]:
    """Run `stereocast live` on a socket in `folder`; yield its address once viewers can join.

    Its report is in folder/live.json afterwards. Raises StereocastError if it does not start or
    fails.
    """
    socket = folder / "stream"
    address = f"ipc://{socket}"
    report = str(folder / "live.json")
    live = Command("live", source, "--address", address, "--json", report, *options)
    try:
        deadline = time.monotonic() + _STARTING_S
        while not socket.exists():
            if not live.is_running():
                live.finish(0)
                raise StereocastError("stereocast live ended before anybody could watch")
            if time.monotonic() > deadline:
                raise StereocastError("stereocast live did not start in time")
            time.sleep(0.05)
        yield address
        live.stop()
    finally:
        live.kill()
