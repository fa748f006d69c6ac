"""The page's own tests, run by node's test runner; they need no packages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.web.browsing import node

UNIT = Path(__file__).resolve().parent / "unit"
STATIC = UNIT.parents[2] / "runtime" / "web" / "static"
MAX_LINES = 300


def test_the_page_passes_its_unit_tests() -> None:
    files = sorted(str(file) for file in UNIT.glob("*.test.js"))
    run = subprocess.run(
        [node(), "--test", *files], capture_output=True, text=True, timeout=120, cwd=UNIT
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert files


@pytest.mark.parametrize("file", sorted(STATIC.iterdir()), ids=lambda file: file.name)
def test_a_file_of_the_page_has_one_subject_and_no_outside_asset(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_LINES
    outside = text.replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in outside
    assert "https://" not in outside


def test_the_page_asks_for_all_its_modules_at_once() -> None:
    """Otherwise each would be asked for when the one that imports it has come."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    asked = re.findall(r'<link rel="modulepreload" href="/static/([^"]+)">', page)
    assert sorted([*asked, "start.js"]) == sorted(file.name for file in STATIC.glob("*.js"))
    assert asked[:2] == ["worker-start.js", "connection.js"], "what asks for the stream comes first"


def test_the_page_runs_under_a_policy_without_inline_code() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert "<style" not in page
    assert "style=" not in page
    assert "javascript:" not in page
    assert page.count("<script") == page.count('<script type="module" src="/static/start.js"') == 1
    assert not any(f" on{event}=" in page for event in ("click", "load", "error", "input"))
