"""`stereocast web` and `stereocast live --web` as people run them."""

from __future__ import annotations

import os
import re
import signal
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from stereocast.runtime.cli import cache
from stereocast.runtime.web.invitation import qr_lines, url_of
from stereocast.runtime.web.lan import ipv6_addresses
from tests.commands import Process, Stereocast
from tests.patience import PATIENCE_S, eventually

Start = Callable[..., Process]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep certificates and keys out of this user's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache.web_folder()


def awaited(url: str, path: str, *, status: int = 200) -> httpx.Response:
    end_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer = httpx.get(url + path, verify=False, timeout=PATIENCE_S)
            if answer.status_code == status:
                return answer
        except httpx.TransportError:
            answer = None
        assert time.monotonic() < end_s, f"{path}: {answer}"
        time.sleep(0.1)


def url_in(line: str) -> str:
    match = re.search(r"https?://\S+", line)
    assert match, line
    return match[0]


def test_web_serves_loopback_over_http_and_ends_on_ctrl_c(
    start: Start, inside: Path, kept: Path
) -> None:
    web = start("web", f"ipc://{inside}/s/x", "--port", 0)
    line = web.line()
    assert re.fullmatch(r"page at http://localhost:\d+/\n", line)
    url = url_in(line).rstrip("/")
    assert web.line() == f"shows ipc://{inside}/s/x, and waits while nobody streams there\n"
    assert awaited(url, "/healthz").json()["ok"] is True
    assert "<html" in awaited(url, "/").text
    web.send(signal.SIGINT)
    ended = web.result()
    assert (ended.code, ended.err) == (0, [])
    assert not kept.exists()  # no certificate where none is needed


def test_lan_needs_https_and_shows_a_fresh_link_after_each_use(
    start: Start, inside: Path, kept: Path
) -> None:
    web = start("web", f"ipc://{inside}/s/x", "--port", 0, "--lan")
    assert re.match(r"certificate SHA-256 \(new\): ([0-9A-F]{2}:){31}[0-9A-F]{2}\n", web.line())
    url, _, token = url_in(web.line()).partition("/#token=")
    assert "waits while nobody streams there" in web.line()
    port = url.rpartition(":")[2]
    near = f"https://127.0.0.1:{port}"
    awaited(near, "/api/status", status=401)
    with httpx.Client(verify=False) as browser:
        used = browser.post(f"{near}/api/session", json={"token": token})
        assert used.status_code == 204
        assert browser.get(f"{near}/api/frames").status_code == 200
    assert token not in (second := web.line())
    assert "the next one is" in second
    assert (kept / "key.pem").stat().st_mode & 0o777 == 0o600
    web.send(signal.SIGTERM)
    ended = web.result()
    assert (ended.code, ended.err) == (0, [])


def test_the_page_lives_and_dies_with_live(start: Start, inside: Path, kept: Path) -> None:
    live = start(
        "live", "testsrc:?size=320x180&fps=20", "--address", f"ipc://{inside}/s/x",
        "--web", "--web-port", 0,
    )  # fmt: skip
    assert live.line().startswith("live at ")
    url = url_in(live.line()).rstrip("/")
    assert awaited(url, "/readyz").json()["ok"] is True
    assert awaited(url, "/first-frame?view=rgb").headers["content-type"] == "image/jpeg"
    live.send(signal.SIGINT)
    ended = live.result()
    assert (ended.code, ended.err) == (0, [])
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/healthz")


@pytest.mark.slow
def test_a_dead_parent_takes_the_page_along(start: Start, inside: Path, kept: Path) -> None:
    live = start(
        "live", "testsrc:?size=320x180&fps=20", "--address", f"ipc://{inside}/s/x",
        "--web", "--web-port", 0,
    )  # fmt: skip
    live.line()
    url = url_in(live.line()).rstrip("/")
    awaited(url, "/healthz")
    live.send(signal.SIGKILL)

    def is_gone() -> bool:
        try:
            httpx.get(f"{url}/healthz")
        except httpx.TransportError:
            return True
        return False

    eventually(is_gone)


def gateways_of(pid: int) -> set[int]:
    """Return the gateways among a process's children; threads may come and go meanwhile."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in (task / "children").read_text().split():
                if b"--until-eof" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.add(int(child))
    return found


@pytest.mark.slow
def test_a_dead_page_comes_back_and_the_stream_goes_on(
    start: Start, inside: Path, kept: Path
) -> None:
    live = start(
        "live", "testsrc:?size=320x180&fps=20", "--address", f"ipc://{inside}/s/x",
        "--web", "--web-port", 0,
    )  # fmt: skip
    live.line()
    first = url_in(live.line()).rstrip("/")
    awaited(first, "/healthz")
    (page,) = gateways_of(live.pid)
    session = awaited(first, "/api/status").json()["stream"]["session"]
    os.kill(page, signal.SIGKILL)
    second = url_in(live.line()).rstrip("/")
    assert awaited(second, "/api/status").json()["stream"]["session"] == session
    live.send(signal.SIGINT)
    ended = live.result()
    assert ended.code == 0
    assert ended.err == ["note: the web gateway ended (code -9); it starts again in 0.25 s"]


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here")
@pytest.mark.parametrize(("options", "scheme"), [((), "http"), (("--lan",), "https")])
def test_the_page_is_there_over_ipv6_too(
    start: Start, inside: Path, kept: Path, options: tuple[str, ...], scheme: str
) -> None:
    web = start("web", f"ipc://{inside}/s/x", "--port", 0, *options)
    lines = web.line() + (web.line() if options else "")
    port = re.findall(r":(\d+)/", lines)[-1]
    for host in ["::1", *(ipv6_addresses(Path("/proc/net/if_inet6")) if options else ())]:
        assert awaited(f"{scheme}://[{host}]:{port}", "/healthz").json()["ok"] is True


def test_of_the_ipv6_addresses_those_count_that_stay(tmp_path: Path) -> None:
    listing = tmp_path / "if_inet6"
    listing.write_text(
        "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n"  # of this link only
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fd000000000000000000000000000002 04 40 00 82     eth0\n"
        "20010db8000000000000000000000007 04 40 00 01     eth0\n"  # for privacy: gone tomorrow
    )
    assert ipv6_addresses(listing) == ["fd00::2"]
    assert ipv6_addresses(tmp_path / "none") == []


REFUSALS = {
    "web --http --lan": "headsets show no 3D without https",
    "web --cert only.pem": "--cert and --key belong together",
    "web --cert no.pem --key no.pem": "no.pem: cannot be read",
    "web a/b": "address 'a/b' is not understood",
    "live testsrc: --web --curve keys": "start `stereocast web ADDRESS --curve",
}


@pytest.mark.parametrize(("arguments", "words"), REFUSALS.items())
def test_a_refusal_is_one_line(
    stereocast: Stereocast, inside: Path, kept: Path, arguments: str, words: str
) -> None:
    result = stereocast(*arguments.split())
    assert (result.code, result.out, len(result.err)) == (1, [], 1)
    assert words in result.err[0]


def test_a_port_in_use_is_one_line(
    stereocast: Stereocast, start: Start, inside: Path, kept: Path
) -> None:
    web = start("web", f"ipc://{inside}/s/x", "--port", 0)
    port = url_in(web.line()).rstrip("/").rpartition(":")[2]
    result = stereocast("web", f"ipc://{inside}/s/x", "--port", port)
    assert (result.code, len(result.err)) == (1, 1)
    assert f"port {port}: cannot be opened: Address already in use" in result.err[0]


def test_the_qr_code_is_square_and_holds_the_link() -> None:
    url = url_of("https", "192.168.1.5", 8443, "t" * 32)
    assert url == "https://192.168.1.5:8443/#token=" + "t" * 32
    assert url_of("https", "fd00::2", 8443, None) == "https://[fd00::2]:8443/"
    lines = qr_lines(url)
    widths = {len(line) for line in lines}
    assert len(widths) == 1
    assert len(lines) * 2 - widths.pop() in (0, 1)
    assert set("".join(lines)) <= set("█▀▄ ")


def test_https_serves_who_trusts_the_certificate(start: Start, inside: Path, kept: Path) -> None:
    web = start("web", f"ipc://{inside}/s/x", "--port", 0, "--https")
    web.line()
    url = url_in(web.line()).rstrip("/")
    awaited(url, "/healthz")
    trusting = ssl.create_default_context(cafile=str(kept / "certificate.pem"))
    assert httpx.get(f"{url}/healthz", verify=trusting).status_code == 200
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{url}/healthz")
