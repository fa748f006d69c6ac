"""What the web gateway costs: CPU time per frame and browser, and the delay that it adds.

The browsers are plain WebSocket clients that grant credit at once and decode nothing.
"""

from __future__ import annotations

import json
import socket
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from stereocast.bench.latency import FULL_WORK
from stereocast.bench.processes import Command, streaming
from stereocast.engine.errors import StereocastError
from stereocast.runtime import machine, wire
from stereocast.runtime.address import parse_address
from stereocast.runtime.client import StreamClient

_STARTING_S = 20.0
_WARM_UP_S = 3.0
_CREDIT = '{"t":"credit","n":1}'


@dataclass
class Browser:
    """What one WebSocket got: monotonic ns of receipt and of sending, by frame number."""

    received_ns: dict[int, int] = field(default_factory=dict)
    sent_ns: dict[int, int] = field(default_factory=dict)

    def watch(self, port: int, stop: threading.Event) -> None:
        """Take frames until told to stop."""
        url = f"ws://127.0.0.1:{port}/stream"
        with connect(url, subprotocols=["scst.1"], compression=None, max_size=None) as link:  # type: ignore[list-item]
            while not stop.is_set():
                try:
                    message = link.recv(0.5)
                except TimeoutError:
                    continue
                except ConnectionClosed:
                    return
                now_ns = time.monotonic_ns()
                if isinstance(message, bytes) and message.startswith(wire.MAGIC):
                    link.send(_CREDIT)
                    header = wire.HEADER.unpack_from(message)
                    self.received_ns[header[5]] = now_ns
                    self.sent_ns[header[5]] = header[8]


def run(source: str, *, browsers: int, seconds: float) -> dict[str, object]:
    """Stream to browsers through the gateway and to one viewer directly; compare.

    Raises StereocastError if a process fails.
    """
    before = machine.facts()
    with tempfile.TemporaryDirectory(prefix="stereocast-bench-") as name:
        folder = Path(name)
        with streaming(source, folder, *FULL_WORK) as address:
            port = _free_port()
            gateway = Command("web", address, "--port", str(port))
            try:
                _await(port, gateway)
                watchers = [Browser() for _ in range(browsers)]
                direct, cpu_s, frames = _measure(address, port, gateway, watchers, seconds)
            finally:
                gateway.kill()
        server = json.loads((folder / "live.json").read_text())
    added_ms = [
        (watcher.received_ns[seq] - direct[seq]) / 1e6
        for watcher in watchers
        for seq in watcher.received_ns
        if seq in direct
    ]
    hop_ms = [
        (watcher.received_ns[seq] - watcher.sent_ns[seq]) / 1e6
        for watcher in watchers
        for seq in watcher.received_ns
    ]
    return {
        "schema": "stereocast/bench-gateway/1",
        "machine": before,
        "load_after": machine.facts()["load_1_5_15"],
        "source": source,
        "browsers": browsers,
        "fps": server["fps"],
        "frames": frames,
        "cpu_ms_per_frame_and_browser": round(cpu_s * 1e3 / max(1, frames), 3),
        "engine_to_browser_ms": _percentiles(hop_ms),
        "added_ms": _percentiles(added_ms),
    }


def _measure(
    address: str, port: int, gateway: Command, watchers: list[Browser], seconds: float
) -> tuple[dict[int, int], float, int]:
    """Return a direct viewer's moments of receipt, the gateway's CPU time, the frames relayed."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=watcher.watch, args=(port, stop), daemon=True)
        for watcher in watchers
    ]
    direct: dict[int, int] = {}
    with StreamClient(parse_address(address, folder=Path("/")), name="direct") as client:
        for thread in threads:
            thread.start()
        _take(client, direct, _WARM_UP_S)
        cpu_s, frames = gateway.cpu_s(), _frames(watchers)
        _take(client, direct, seconds)
        cpu_s, frames = gateway.cpu_s() - cpu_s, _frames(watchers) - frames
    stop.set()
    for thread in threads:
        thread.join()
    return direct, cpu_s, frames


def _take(client: StreamClient, moments_ns: dict[int, int], seconds: float) -> None:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        message = client.receive(20)
        if isinstance(message, wire.FrameMessage):
            moments_ns[message.seq] = client.received_ns
            client.grant(1)


def _frames(watchers: list[Browser]) -> int:
    return sum(len(watcher.received_ns) for watcher in watchers)


def _percentiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "p99": round(cuts[98], 2)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(port: int, gateway: Command) -> None:
    deadline_s = time.monotonic() + _STARTING_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if not gateway.is_running():
                gateway.finish(0)
            if time.monotonic() > deadline_s:
                raise StereocastError("stereocast web did not start in time") from None
            time.sleep(0.1)
