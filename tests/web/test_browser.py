"""The page in a real browser: what it shows is read back from its pixels."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable

import pytest

from tests.web.browsing import Browser, Strip
from tests.web.conftest import Site

pytestmark = pytest.mark.slow

PICTURES = 300


def percentiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return f"p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms"


def tell(what: str, strips: list[Strip]) -> None:
    """Print how old the pictures were; it is shown with `pytest -s` or -rP."""
    ages = [strip.age_ms for strip in strips if strip.age_ms is not None]
    reads = [strip.read_ms for strip in strips if strip.read_ms is not None]
    print(
        f"\n{what}: {len({strip.seq for strip in strips})} pictures; "
        f"capture → presented {percentiles(ages)}; "
        f"capture → pixels read back {percentiles(reads)}; "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


@pytest.mark.parametrize(("width", "height"), [(640, 360)])
def test_every_displayed_picture_is_the_one_it_claims_to_be(
    browser: Browser, site: Callable[[str], Site], width: int, height: int
) -> None:
    streamed = site(f"testsrc:?size={width}x{height}&fps=30")
    streamed.start_engine()
    streamed.start_gateway()
    with browser.page(streamed.url, width=2 * width, height=height + 240) as page:
        strips = page.strips(PICTURES, (width, height))
    assert len(strips) == 2 * PICTURES
    assert [strip for strip in strips if not strip.is_proven] == []
    tell(f"{2 * width}×{height}", strips)
