"""A browser, and streams for it to show: engine and gateway as processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.commands import Process
from tests.web.browsing import FOLDER, Browser, absent

SOURCE = "testsrc:?size=640x360&fps=30"
EYE = (640, 360)


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

    start: Callable[..., Process]
    address: str
    source: str
    url: str = ""
    engine: Process = field(init=False)
    gateway: Process = field(init=False)

    def start_engine(self) -> None:
        """Start the engine; return once viewers can join."""
        options = ("--latency-strip", "--realtime")
        self.engine = self.start("live", self.source, "--address", self.address, *options)
        assert self.engine.line().startswith("live at")

    def start_gateway(self) -> None:
        """Start the gateway, at the same port as before; return once browsers can come."""
        port = self.url.rpartition(":")[2].rstrip("/") or "0"
        self.gateway = self.start("web", self.address, "--port", port)
        self.url = self.gateway.line().rpartition(" ")[2].strip()
        assert self.url.startswith("http://localhost:")


@contextmanager
def streaming(source: str, folder: Path) -> Iterator[Site]:
    """Stream a source for browsers."""
    started: list[Process] = []

    def start(*arguments: object) -> Process:
        started.append(Process(*arguments))
        return started[-1]

    site = Site(start, f"ipc://{folder}/stream", source)
    try:
        site.start_engine()
        site.start_gateway()
        yield site
    finally:
        for process in started:
            process.kill()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stream of 1280×360 for browsers, shared by the tests of a module."""
    with streaming(SOURCE, tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="session")
def screenshots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for screenshots: --screenshots, or a temporary one."""
    wanted: Path | None = request.config.getoption("--screenshots")
    folder = wanted or tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()
