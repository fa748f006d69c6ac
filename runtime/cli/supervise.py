"""`--supervise`: run the same command in a child process, and start it again when it dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from stereocast.runtime.cli.outcome import ExitCode, say
from stereocast.runtime.source.live.backoff import Backoff

FLAG = "--supervise"
QUICK_S = 10.0
"""Who ends sooner has not worked."""
MAX_QUICK_ENDS = 5
"""A command that never worked is given up after so many."""
_FINAL = (ExitCode.DONE, ExitCode.WRONG_USAGE, ExitCode.INTERRUPTED)
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def without_flag(arguments: Sequence[str]) -> list[str]:
    """Return the command line of this process as the child gets it."""
    kept = [argument for argument in arguments if argument != FLAG]
    return [sys.executable, "-m", "stereocast.runtime.cli", *kept]


class Supervisor:
    """Keeps a command running.

    starts  how often it was started
    """

    def __init__(
        self, command: Sequence[str], *, backoff: Backoff | None = None, quick_s: float = QUICK_S
    ) -> None:
        """Supervise `command`; what lives longer than `quick_s` has worked."""
        self.starts = 0
        self._command = list(command)
        self._backoff = backoff or Backoff(longest_s=30.0)
        self._quick_s = quick_s
        self._is_stopping = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Run until the command ends as it should, or never worked; return its exit code.

        A loss of the device (70) is answered at once, as nothing is gained by waiting; other ends
        with growing pauses. Signals that ask to end are passed on, and end this, too.
        """
        before = {number: signal.signal(number, self._stop) for number in _FORWARDED}
        try:
            return self._run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run(self) -> int:
        has_worked, quick_ends = False, 0
        while True:
            began_s = time.monotonic()
            code = self._once()
            if self._is_stopping or code in _FINAL:  # also who is killed before it could drain
                return code if code >= 0 else ExitCode.FAILED
            if time.monotonic() - began_s >= self._quick_s:
                has_worked, quick_ends = True, 0
                self._backoff.succeeded()
            quick_ends += 1
            if not has_worked and quick_ends >= MAX_QUICK_ENDS:
                say([f"ended {quick_ends} times in a row and never worked; given up"])
                return code if code > 0 else ExitCode.FAILED
            is_loss = code == ExitCode.DEVICE_LOST and quick_ends == 1
            if not self._pause(0.0 if is_loss else self._backoff.next_s(), code):
                return ExitCode.DONE

    def _once(self) -> int:
        self.starts += 1
        # A session of its own: Ctrl-C reaches it through this process, once.
        self._process = subprocess.Popen(self._command, start_new_session=True)
        if self._is_stopping:  # asked to end just before it was there
            self._process.terminate()
        return self._process.wait()

    def _pause(self, wait_s: float, code: int) -> bool:
        """Wait; return whether to start again."""
        how = f"signal {-code}" if code < 0 else f"code {code}"
        say([f"ended ({how}); it starts again in {wait_s:.1f} s"])
        until_s = time.monotonic() + wait_s
        while not self._is_stopping and time.monotonic() < until_s:
            time.sleep(0.05)
        return not self._is_stopping

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
