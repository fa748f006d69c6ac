"""A browser, and streams for it to show: engine and gateway as processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import Process
from tests.web.browsing import FOLDER, Browser, absent

Start = Callable[..., Process]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if not (FOLDER / "node_modules").is_dir():
        absent("the browser needs its packages: run `npm ci` in tests/web")
    opened = Browser()
    yield opened
    opened.close()


@dataclass
class Site:
    """A stream and the gateway that shows it; both can be killed and started again."""

    start: Start
    address: str
    source: str
    url: str = ""

    def start_engine(self) -> Process:
        """Start the engine; return once viewers can join."""
        options = ("--latency-strip", "--realtime")
        engine = self.start("live", self.source, "--address", self.address, *options)
        assert engine.line().startswith("live at")
        return engine

    def start_gateway(self) -> Process:
        """Start the gateway, at the same port as before; return once browsers can come."""
        port = self.url.rpartition(":")[2].rstrip("/") or "0"
        gateway = self.start("web", self.address, "--port", port)
        self.url = gateway.line().rpartition(" ")[2].strip()
        assert self.url.startswith("http://localhost:")
        return gateway


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[[str], Site]]:
    """Open a stream of a source for browsers: `site("testsrc:")`."""
    started: list[Process] = []

    def start(*arguments: object) -> Process:
        started.append(Process(*arguments))
        return started[-1]

    yield lambda source: Site(start, f"ipc://{tmp_path}/stream", source)
    for process in started:
        process.kill()
