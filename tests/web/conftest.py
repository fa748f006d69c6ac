"""A browser, and streams for it to show: engine and gateway as processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest

from stereocast.runtime.source.synthetic import SyntheticSource
from tests import clips
from tests.commands import Process
from tests.web.browsing import FOLDER, Browser, absent

SOURCE = "testsrc:?size=640x360&fps=30"
EYE = (640, 360)
SCENE_FRAMES = 60
SCENES = 4


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with browsing() as opened:
        yield opened


@contextmanager
def browsing(*flags: str) -> Iterator[Browser]:
    """Start a headless Chromium with flags of its own."""
    if not (FOLDER / "node_modules").is_dir():
        absent("the browser needs its packages: run `npm ci` in tests/web")
    opened = Browser(*flags)
    try:
        yield opened
    finally:
        opened.close()


@dataclass
class Site:
    """A stream and the gateway that shows it; both can be killed and started again."""

    start: Callable[..., Process]
    address: str
    source: str
    options: tuple[str, ...]
    url: str = ""
    engine: Process = field(init=False)
    gateway: Process = field(init=False)

    def start_engine(self) -> None:
        """Start the engine; return once viewers can join."""
        self.engine = self.start("live", self.source, "--address", self.address, *self.options)
        assert self.engine.line().startswith("live at")

    def start_gateway(self) -> None:
        """Start the gateway, at the same port as before; return once browsers can come."""
        port = self.url.rpartition(":")[2].rstrip("/") or "0"
        self.gateway = self.start("web", self.address, "--port", port)
        self.url = self.gateway.line().rpartition(" ")[2].strip()
        assert self.url.startswith("http://localhost:")


@contextmanager
def streaming(
    source: str, folder: Path, *, strip: bool = True, options: tuple[str, ...] = ()
) -> Iterator[Site]:
    """Stream a source for browsers, with options of `live` of its own."""
    started: list[Process] = []

    def start(*arguments: object) -> Process:
        started.append(Process(*arguments))
        return started[-1]

    stamped = ("--latency-strip", "--realtime") if strip else ()
    site = Site(start, f"ipc://{folder}/stream", source, (*stamped, *options))
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


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A film, which unlike the rest can be paused, with no barcodes in its pictures."""
    folder = tmp_path_factory.mktemp("film")
    with closing(SyntheticSource(f"testsrc:?size=960x540&fps=30&frames={SCENE_FRAMES}")) as scene:
        pictures = [
            av.VideoFrame.from_ndarray(frame.rgb.permute(1, 2, 0).numpy(), format="rgb24").reformat(
                format="yuv420p"
            )
            for frame in scene
        ]
    clip = clips.Clip(
        height=540, width=960, rate=30, options=(("crf", "18"), ("g", "30"), ("preset", "veryfast"))
    )
    path = clips.write(folder / "film.mp4", clip, frames=pictures * SCENES)
    with streaming(str(path), folder, strip=False) as running:
        yield running


@pytest.fixture(scope="session")
def screenshots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for screenshots: --screenshots, or a temporary one."""
    wanted: Path | None = request.config.getoption("--screenshots")
    folder = wanted or tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()
