"""A real headless Chromium for tests: pages are opened, steered, and their pixels read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, NoReturn

import pytest

FOLDER = Path(__file__).resolve().parent
OLDEST_NODE = 20
PATIENCE_S = 320.0


def node() -> str:
    """Find node; the test skips without it, and fails where CI=true."""
    found = shutil.which("node")
    if found:
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
        if int(version.stdout.lstrip("v").split(".")[0]) >= OLDEST_NODE:
            return found
    absent(f"the page's tests need node {OLDEST_NODE} or newer")


def absent(reason: str) -> NoReturn:
    """Skip the test for lack of a tool; fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Strip:
    """What the pixels of one eye said when the page had drawn picture `seq`.

    source   None where a check failed
    age_ms   capture to drawn, by the page's own clock; None where the clocks are not known well
    read_ms  capture to the moment when the pixels had come back from the GPU, likewise
    """

    seq: int
    eye: str
    source: int | None
    right: bool | None
    age_ms: float | None
    read_ms: float | None

    @property
    def is_proven(self) -> bool:
        """Return whether these pixels are of this picture and of this eye."""
        return self.source == self.seq & 0xFFFFFF and self.right == (self.eye == "right")


class Page:
    """One page, of a visitor who remembers nothing."""

    def __init__(self, browser: Browser, name: str) -> None:
        self._browser = browser
        self._name = name

    def strips(self, count: int, eye_size: tuple[int, int]) -> list[Strip]:
        """Read the barcodes of the next `count` pictures that are drawn; eye_size [W, H]."""
        found = self._order("strips", count=count, eyeWidth=eye_size[0], eyeHeight=eye_size[1])
        return [
            Strip(one["seq"], one["eye"], one["source"], one["right"], one["ageMs"], one["readMs"])
            for one in found
        ]

    def enter_headset(self) -> None:
        self._order("enterHeadset")

    def evaluate(self, code: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self._order("evaluate", code=code)

    def wait_for(self, code: str, *, timeout_s: float = 60.0) -> None:
        """Wait until a JavaScript expression is true."""
        self._order("waitFor", code=code, timeoutMs=timeout_s * 1e3)

    def press(self, key: str) -> None:
        self._order("press", key=key)

    def screenshot(self, path: Path) -> None:
        self._order("screenshot", path=str(path))

    def close(self) -> list[str]:
        """Close it; return what it complained of on its console."""
        complaints: list[str] = self._order("close")
        return complaints

    def _order(self, order: str, **details: object) -> Any:
        return self._browser.order(order, id=self._name, **details)


class Browser:
    """One Chromium, with these flags."""

    def __init__(self, *flags: str) -> None:
        self._process = subprocess.Popen(
            [node(), "driver.mjs", *flags],
            cwd=FOLDER / "e2e",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answers: Queue[str] = Queue()
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()
        self._pages = 0
        self.version: str = self._answer()

    def order(self, order: str, **details: object) -> Any:
        """Have something done; return what came of it, or fail with the browser's words."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"order": order, **details}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    @contextmanager
    def page(self, url: str, *, forgive: str = "", **options: object) -> Iterator[Page]:
        """Open a page (options of openPage in harness.mjs).

        It must complain of nothing but what holds the words `forgive`.
        """
        self._pages += 1
        name = str(self._pages)
        self.order("open", id=name, url=url, **options)
        page = Page(self, name)
        try:
            yield page
        except BaseException:
            page.close()
            raise
        complaints = page.close()
        assert [words for words in complaints if not forgive or forgive not in words] == []

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _answer(self) -> Any:
        try:
            line = self._answers.get(timeout=PATIENCE_S)
        except Empty:
            pytest.fail("the browser does not answer")
        assert line, "the browser ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]
