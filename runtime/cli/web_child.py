"""The web gateway as a child of `stereocast live`: it dies with the parent, never the reverse."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from stereocast.runtime.cli.outcome import say

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 5.0
MAX_FAILURES = 5
"""So many quick ends in a row mean that trying again is of no use."""
QUICK_S = 10.0
END_WITHIN_S = 4.0


class _WebChild:
    """Keeps the gateway running until `close`."""

    def __init__(self, address: str, port: int, *, lan: bool) -> None:
        self._command = [
            sys.executable, "-m", "stereocast.runtime.cli", "web", address,
            "--port", str(port), "--until-eof", *(["--lan"] if lan else []),
        ]  # fmt: skip
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the gateway: it has a few seconds to say goodbye to its browsers."""
        with self._lock:
            self._closing.set()
            process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join()

    def _keep(self) -> None:
        failures = 0
        while (process := self._start()) is not None:
            began_s = time.monotonic()
            code = process.wait()
            if self._closing.is_set():
                return
            failures = failures + 1 if time.monotonic() - began_s < QUICK_S else 1
            if failures >= MAX_FAILURES:
                say([f"the web gateway ended again (code {code}); the stream goes on without it"])
                return
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (failures - 1))
            say([f"the web gateway ended (code {code}); it starts again in {wait_s:g} s"])
            self._closing.wait(wait_s)

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._closing.is_set():
                return None
            # The pipe tells the child when this process is gone, however it went. A session of
            # its own keeps Ctrl-C from reaching it first.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, start_new_session=True
            )
            return self._process


@contextmanager
def web_beside(address: str, port: int, *, lan: bool) -> Iterator[None]:
    """Run the web gateway for the stream at `address` as long as the block runs."""
    child = _WebChild(address, port, lan=lan)
    try:
        yield
    finally:
        child.close()
