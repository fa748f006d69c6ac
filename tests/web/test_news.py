"""What the engine tells of itself stays on the page while it lasts."""

from __future__ import annotations

from pathlib import Path

import pytest

from stereocast.runtime import wire
from stereocast.runtime.address import parse_address
from tests.commands import Process
from tests.strip_stream import StripServer
from tests.web.browsing import Browser

pytestmark = pytest.mark.slow

SHOWN = "[...document.querySelectorAll('#away, #degraded')].map((one) => one.checkVisibility())"
WORDS = "['away', 'degraded'].map((id) => document.getElementById(id).textContent)"


def test_an_absent_source_and_a_step_down_stay_until_they_are_over(
    browser: Browser, tmp_path: Path, screenshots: Path
) -> None:
    address = parse_address("", folder=tmp_path / "s")
    facts = {"degrade_step": 2.0}
    with StripServer(address, frames=100_000, facts=facts) as server:
        gateway = Process("web", address.url, "--port", 0)
        try:
            url = gateway.line().rpartition(" ")[2].strip()
            with browser.page(url) as page:
                page.wait_for("document.getElementById('degraded').checkVisibility()")
                assert page.evaluate(WORDS) == ["", "Keeping up: step 2"]
                step = "to keep up: depth on a smaller grid (step 2 of 5)"
                server.sink.tell(wire.Notice(level="warning", code="degrade", text=step))
                away = "the source is away for 12 s (cable pulled); it is called again"
                server.sink.tell(wire.Notice(level="warning", code="source-away", text=away))
                page.wait_for(f"{SHOWN}.every((isShown) => isShown)")
                page.screenshot(screenshots / "news.png")
                source, degraded = page.evaluate(WORDS)
                assert source.startswith("Source away ") and int(source.split()[2]) >= 12
                assert degraded == "Keeping up: depth on a smaller grid"
                server.sink.tell(wire.Notice(level="info", code="source-back", text="back"))
                page.wait_for("!document.getElementById('away').checkVisibility()")
        finally:
            gateway.kill()
