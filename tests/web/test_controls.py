"""What a person does on the page reaches the engine, and comes back as pixels."""

from __future__ import annotations

import zlib
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stereocast.runtime.cli import cache
from tests.commands import Process
from tests.patience import eventually
from tests.web.browsing import Browser, Page
from tests.web.conftest import Site, browsing, streaming

pytestmark = pytest.mark.slow

CELLS, CELL_PX, CELL_ROW = 40, 8, 8
SMALL_SOURCE = "testsrc:?size=320x180&fps=30"
READ_EYES = """new Promise((resolve) => {
  const stop = window.stereocast.onDraw(({ seq, views, read }) => {
    if (seq === null || views.length !== 2) return;
    stop();
    resolve(views.map(({ corners: [[left, top], , [right, bottom]] }) => {
      const height = bottom - top;
      const box = [left, top + height / 4, right - left, height / 2].map(Math.floor);
      const pixels = read(...box);
      return Array.from(pixels.filter((_, index) => index % 4 === 1 && index % 28 === 1));
    }));
  });
})"""
"""The green of every seventh pixel in the middle of each eye, below the barcode."""
REDRAW_AND_READ = f"""(() => {{
  const reading = {READ_EYES};
  for (const view of ["left", "sbs"]) document.querySelector(`[data-value=${{view}}]`).click();
  return reading;
}})()"""
SET_SLIDER = """((slider, value) => {
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  slider.dispatchEvent(new Event("change", { bubbles: true }));
})"""
STRENGTH = "document.querySelector('[data-control=strength] input')"
SEEK = "document.getElementById('seek')"
READ_MOVING = f"""(async () => {{
  const image = document.querySelector("#moving") ?? document.body.appendChild(new Image());
  image.id = "moving";
  if (!image.src) image.src = "/preview.mjpeg?view=sbs";
  while (!image.naturalWidth) await new Promise((resolve) => setTimeout(resolve, 20));
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const row = context.getImageData(0, {CELL_ROW}, {CELLS * CELL_PX}, 1).data;
  return {{ width: image.naturalWidth, row: Array.from(row.filter((_, at) => at % 4 === 1)) }};
}})()"""


def difference(one: list[int], other: list[int]) -> float:
    """Return the mean difference of two lists of pixels, in levels."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def eyes_differ_by(page: Page) -> float:
    left, right = page.evaluate(READ_EYES)
    return difference(left, right)


def test_the_strength_slider_changes_the_disparity_on_the_screen(
    browser: Browser, tmp_path: Path
) -> None:
    with streaming(SMALL_SOURCE, tmp_path) as site, browser.page(site.url) as page:
        usual = eyes_differ_by(page)
        page.evaluate(f"{SET_SLIDER}({STRENGTH}, {STRENGTH}.min)")
        eventually(lambda: eyes_differ_by(page) < usual / 4)  # no disparity: only coding differs
        flat = eyes_differ_by(page)
        page.evaluate(f"{SET_SLIDER}({STRENGTH}, {STRENGTH}.max)")
        eventually(lambda: eyes_differ_by(page) > max(usual / 2, 2 * flat))
        deep = eyes_differ_by(page)
    print(f"\nthe eyes differ by {flat:.1f}, {usual:.1f}, {deep:.1f} levels: flat, usual, deepest")


def test_a_seek_shows_the_picture_of_the_new_place(browser: Browser, film: Site) -> None:
    """The film shows the same two seconds again and again."""

    def sought(position_s: float) -> list[int]:
        page.evaluate(f"{SET_SLIDER}({SEEK}, {position_s})")
        page.wait_for(
            f"Math.abs(stereocast.lastFrame().facts.position_s - {position_s}) < 0.001"
            " && stereocast.lastFrame().shownMs !== null",
            timeout_s=60,
        )
        left: list[int] = page.evaluate(REDRAW_AND_READ)[0]
        return left

    with browser.page(film.url) as page:
        page.press("Space")
        page.wait_for("stereocast.state().isPaused")
        here, elsewhere, again = sought(0.5), sought(1.5), sought(2.5)
        page.press("Space")
    same, other = difference(here, again), difference(here, elsewhere)
    print(f"\nthe same place of the film differs by {same:.1f} levels, another by {other:.1f}")
    assert same < other / 2


def test_a_moving_preview_moves_in_an_image_of_the_page(browser: Browser, site: Site) -> None:
    def shown(page: Page) -> int:
        found = page.evaluate(READ_MOVING)
        assert found["width"] == 1280
        word = 0
        for cell in range(CELLS):
            word = word << 1 | (found["row"][cell * CELL_PX + CELL_PX // 2] > 126)
        counter = word >> 16
        assert zlib.crc32(counter.to_bytes(4, "little")) & 0xFFFF == word & 0xFFFF
        return counter

    with browser.page(site.url) as page:
        first = shown(page)
        eventually(lambda: shown(page) > first)


def test_the_link_of_the_terminal_opens_the_door_once_over_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with streaming(SMALL_SOURCE, tmp_path) as site:
        gateway: Process = site.start("web", site.address, "--lan", "--port", 0)
        assert gateway.line().startswith("certificate SHA-256 (new): ")
        link = gateway.line().rpartition(" ")[2].strip()
        gateway.line()
        assert link.startswith("https://") and "/#token=" in link
        with browsing(trusting(cache.web_folder() / "certificate.pem")) as browser:
            with browser.page(link) as page:
                assert page.evaluate("isSecureContext && location.protocol === 'https:'")
                assert page.evaluate("[location.hash, document.cookie]") == ["", ""]
                page.wait_for("stereocast.state().figures.fps > 1")
            assert "the next one is" in gateway.line()
            with browser.page(link, wait=False, forgive="403") as stranger:
                stranger.wait_for("stereocast?.state().link.state === 'waiting'")
                assert stranger.evaluate("stereocast.lastFrame()") is None
                words = stranger.evaluate("document.getElementById('toast').textContent")
    assert "has been used" in words


def trusting(certificate: Path) -> str:
    """Return the flag with which a Chromium trusts the key of this certificate, and no other."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"--ignore-certificate-errors-spki-list={b64encode(sha256(data).digest()).decode()}"
