"""What the gateway tells of itself: health, status, frames, metrics, OpenAPI."""

from __future__ import annotations

import re
from pathlib import Path

from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.web.metrics import Metrics
from tests.patience import PATIENCE_S, eventually
from tests.strip_stream import FPS, HEIGHT, WIDTH, StripServer
from tests.web_gateway.conftest import Serve


def test_alive_is_not_ready(serve: Serve, address: Address) -> None:
    http = serve().http
    assert http.get("/healthz").status_code == 200
    assert http.get("/readyz").status_code == 503
    with StripServer(address, frames=10_000):
        # It asks for a second at most, which may not be enough on a busy machine.
        eventually(lambda: http.get("/readyz").json() == {"ok": True, "detail": ""})


def test_the_status_describes_stream_and_viewers(serve: Serve, address: Address) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000), gateway.watch() as browser:
        browser.binary()
        browser.say(
            t="stats", fps=29.5, age_p50_ms=20, age_p95_ms=40, decoder_queue=1, drops={"late": 3}
        )

        def has_told() -> bool:
            viewers = gateway.http.get("/api/status").json()["viewers"]
            return bool(viewers) and viewers[0]["fps"] is not None

        eventually(has_told)
        status = gateway.http.get("/api/status").json()
        assert status["engine_reachable"] is True
        assert status["stream"]["width"] == WIDTH
        assert status["stream"]["height"] == HEIGHT
        assert status["stream"]["fps"] == FPS
        (viewer,) = status["viewers"]
        assert (viewer["fps"], viewer["age_p95_ms"], viewer["drops"]) == (29.5, 40, {"late": 3})
        metrics = gateway.http.get("/metrics").text
        assert 'stereocast_web_drops_total{cause="late"} 3.0' in metrics
        assert "stereocast_web_viewers 1.0" in metrics
        assert "stereocast_web_decoder_queue 1.0" in metrics


def test_every_frame_is_told_of(serve: Serve, address: Address) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000), gateway.watch() as browser:
        for _ in range(4):
            browser.binary()
            browser.say(t="credit", n=1, age_us=30_000)
        frames = gateway.http.get("/api/frames?n=3").json()["frames"]
    assert len(frames) == 3
    assert frames[0]["seq"] < frames[1]["seq"] < frames[2]["seq"]
    assert frames[-1]["holes_share"] == 0.25
    assert frames[-1]["comfort"] is None
    assert 0 < frames[-1]["latency_ms"] < 1000 * PATIENCE_S
    assert gateway.http.get("/api/frames?n=0").status_code == 422
    assert "stereocast_web_frame_age_seconds_count" in gateway.http.get("/metrics").text


def test_a_step_down_is_told_in_status_and_metrics(serve: Serve, address: Address) -> None:
    gateway = serve()
    step = {"degrade_step": 2.0}
    with StripServer(address, frames=10_000, facts=step) as server, gateway.watch() as browser:
        browser.binary()
        text = "to keep up: depth on a smaller grid (step 2 of 5)"
        server.sink.tell(wire.Notice(level="warning", code="degrade", text=text))
        assert browser.text("notice") == {
            "t": "notice", "level": "warning", "code": "degrade", "text": text,
        }  # fmt: skip
        status = gateway.http.get("/api/status").json()
        assert (status["degrade_step"], status["degraded"]) == (2, text)
        assert "stereocast_web_degrade_step 2.0" in gateway.http.get("/metrics").text


def test_an_engine_that_gives_nothing_up_says_no_words(serve: Serve, address: Address) -> None:
    gateway = serve()
    step = {"degrade_step": 0.0}
    with StripServer(address, frames=10_000, facts=step) as server, gateway.watch() as browser:
        browser.binary()
        server.sink.tell(wire.Notice(level="info", code="degrade", text="everything is done"))
        browser.text("notice")
        status = gateway.http.get("/api/status").json()
        assert (status["degrade_step"], status["degraded"]) == (0, "")


def test_the_interface_is_described_without_foreign_scripts(serve: Serve) -> None:
    http = serve().http
    paths = http.get("/openapi.json").json()["paths"]
    assert {"/api/status", "/api/frames", "/api/session", "/snapshot.jpg", "/preview.mjpeg",
            "/first-frame", "/healthz", "/readyz", "/metrics"} == set(paths)  # fmt: skip
    assert http.get("/docs").status_code == 404


def test_pages_are_not_sent_twice(serve: Serve) -> None:
    http = serve().http
    tag = http.get("/static/main.js").headers["etag"]
    assert http.get("/static/main.js", headers={"If-None-Match": tag}).status_code == 304


def test_files_under_the_tag_of_the_page_may_be_kept_for_ever(serve: Serve, page: Path) -> None:
    (page / "index.html").write_text('<script type="module" src="/static/main.js"></script>')
    http = serve().http
    (tagged,) = re.findall(r"/static/\w{24}/main\.js", http.get("/").text)
    kept = http.get(tagged)
    assert (kept.status_code, "immutable" in kept.headers["cache-control"]) == (200, True)
    assert http.get("/").headers["cache-control"] == "no-cache"
    assert http.get("/static/main.js").headers["cache-control"] == "no-cache"
    assert http.get(tagged.replace("/static/", "/static/0")).status_code == 404


def test_made_up_causes_do_not_fill_the_registry() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.drop({}, {f"cause {number}": 1})
    text = metrics.text().decode()
    assert 'cause="other"} 100.0' in text
    assert "cause 7" not in text
