"""The page in a real browser: what it shows is read back from its pixels."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import pytest

from tests.web.browsing import Browser, Strip
from tests.web.conftest import EYE, Site, streaming

pytestmark = pytest.mark.slow

PICTURES = 300
HEADSET_PICTURES = 60
JOINED_WITHIN_MS = 500.0
MEASURED_S = 4.0
"""How long the page's own figures reach back; longer than its window."""


def percentiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return f"p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms"


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def tell(what: str, strips: list[Strip]) -> None:
    """Print how old the pictures were; `pytest -s` or -rP shows it."""
    ages = [strip.age_ms for strip in strips if strip.age_ms is not None]
    reads = [strip.read_ms for strip in strips if strip.read_ms is not None]
    print(
        f"\n{what}: {len({strip.seq for strip in strips})} pictures proven; "
        f"capture → presented {percentiles(ages)}; "
        f"capture → pixels read back {percentiles(reads)}; {load()}"
    )


def check(strips: list[Strip], pictures: int) -> None:
    """Require both eyes of so many different pictures, each what it claims to be."""
    assert [strip for strip in strips if not strip.is_proven] == []
    for eye in ("left", "right"):
        assert len({strip.seq for strip in strips if strip.eye == eye}) == pictures


def test_every_displayed_picture_is_the_one_it_claims_to_be(browser: Browser, site: Site) -> None:
    with browser.page(site.url) as page:
        page.wait_for(f"window.stereocast.lastFrame().shownMs > performance.timeOrigin + {6e3}")
        unread = page.evaluate("window.stereocast.state().figures")
        strips = page.strips(PICTURES, EYE)
    check(strips, PICTURES)
    print(
        f"\n1280×360, its pixels unread: {unread['fps']:.1f} fps, capture → presented p50 "
        f"{unread['p50Ms']:.1f} ms, p95 {unread['p95Ms']:.1f} ms (goal on an idle machine: 25 "
        f"and 60); {load()}"
    )
    tell("1280×360", strips)


def test_large_pictures_are_shown_whole(browser: Browser, tmp_path: Path) -> None:
    with streaming("testsrc:?size=1280x720&fps=30", tmp_path) as large:  # noqa: SIM117
        with browser.page(large.url) as page:  # at half their size: software draws slowly
            strips = page.strips(PICTURES, (1280, 720))
    check(strips, PICTURES)
    tell("2560×720", strips)


def test_a_headset_shows_each_eye_its_own_half(
    browser: Browser, site: Site, screenshots: Path
) -> None:
    with browser.page(site.url, headset=True) as page:
        page.enter_headset()
        strips = page.strips(HEADSET_PICTURES, EYE)
        page.screenshot(screenshots / "headset.png")
    check(strips, HEADSET_PICTURES)
    tell("emulated headset, 1280×360", strips)


def test_who_comes_late_soon_sees_a_picture(browser: Browser, site: Site) -> None:
    with browser.page(site.url) as first:
        waits = []
        for _ in range(3):
            with browser.page(site.url) as late:
                shown = late.evaluate("window.stereocast.lastFrame().shownMs")
                waits.append(late.evaluate(f"{shown} - performance.timeOrigin"))
        first.wait_for("window.stereocast.state().figures.fps > 0")
    print(f"\nfrom opening the page to its first picture: {waits} ms; {load()}")


VIEWS = {"both-eyes": "1", "left": "2", "anaglyph": "4", "depth": "5"}


def test_screenshots_of_the_page_are_taken(
    browser: Browser, site: Site, screenshots: Path
) -> None:
    for name, size in {"desktop": (1440, 900), "phone": (390, 844)}.items():
        is_phone = name == "phone"
        with browser.page(
            site.url, width=size[0], height=size[1], scale=2 if is_phone else 1, touch=is_phone
        ) as page:
            for view, key in VIEWS.items():
                page.press(key)
                page.wait_for("window.stereocast.state().figures.fps > 0")
                page.press("Space")
                page.screenshot(screenshots / f"{name}-{view}.png")
                page.press("Space")
            page.press("s")
            page.press("i")
            page.press("Space")
            page.screenshot(screenshots / f"{name}-settings.png")
            page.press("Space")
