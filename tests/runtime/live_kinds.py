"""One real source of every live kind, as small as it can be, each with what ends it."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import zmq

from stereocast.runtime.source.live.recipe import Recipe, SourceConfig, read_address
from stereocast.runtime.source.live.source import LiveSource
from tests import clips
from tests.clips import Clip, picture
from tests.rtsp_sender import RtspSender
from tests.senders import Broadcast, HttpSender, TcpSender, UdpSender

HEIGHT, WIDTH = 96, 160
CONFIG = SourceConfig(open_s=30.0, stall_s=5.0)
"""Patient: a loaded machine takes seconds to start a process."""


def recipe_of(address: str) -> Recipe:
    return read_address(address, CONFIG)


@contextmanager
def tcp(_: Path) -> Iterator[Recipe]:
    sender = TcpSender()
    yield recipe_of(sender.url)
    sender.close()


@contextmanager
def udp(_: Path) -> Iterator[Recipe]:
    sender = UdpSender()
    yield recipe_of(sender.url)
    sender.close()


@contextmanager
def http(_: Path) -> Iterator[Recipe]:
    sender = HttpSender()
    yield recipe_of(sender.url("/live.ts"))
    sender.close()


@contextmanager
def rtsp(_: Path) -> Iterator[Recipe]:
    sender = RtspSender(password="secret")
    yield recipe_of(sender.url)
    sender.close()


@contextmanager
def hls(folder: Path) -> Iterator[Recipe]:
    sender = HttpSender()
    write_hls(folder, sender, seconds=60)
    yield recipe_of(sender.url("/index.m3u8"))
    sender.close()


def write_hls(folder: Path, sender: HttpSender, *, seconds: int) -> None:
    """Cut a broadcast into segments, and put them on a web server."""
    clip = Clip(height=HEIGHT, width=WIDTH, count=10 * seconds, rate=10)
    muxer = {"hls_time": "2", "hls_list_size": "0"}
    clips.write(folder / "index.m3u8", clip, muxer=muxer)
    for file in folder.iterdir():
        sender.files[f"/{file.name}"] = ("application/octet-stream", file.read_bytes())


@contextmanager
def web(folder: Path) -> Iterator[Recipe]:
    pytest.importorskip("yt_dlp")
    sender = HttpSender()
    film = clips.write(
        folder / "film.mp4",
        Clip(height=HEIGHT, width=WIDTH, count=600, rate=10),
        muxer={"movflags": "faststart"},
    )
    page = b"<html><head><title>t</title></head><body><video src='/film.mp4'></video></body></html>"
    sender.files |= {
        "/film.mp4": ("video/mp4", film.read_bytes()),
        "/page": ("text/html; charset=utf-8", page),
    }
    yield recipe_of(f"web:{sender.url('/page')}")
    sender.close()


@contextmanager
def camera(folder: Path) -> Iterator[Recipe]:
    """A camera's MJPEG, recorded: the kernel of a build machine has no camera to lend."""
    clip = Clip(
        height=HEIGHT, width=WIDTH, count=600, rate=10, codec="mjpeg", pix_fmt="yuvj422p",
        options=(("q", "3"),),
    )  # fmt: skip
    device = clips.write(folder / "device.avi", clip)
    asked = recipe_of("camera:/dev/video0?size=160x96&format=mjpeg")
    yield replace(asked, url=str(device), format="avi", options={}, ends=True)


@contextmanager
def screen(_: Path) -> Iterator[Recipe]:
    with x_server() as display:
        yield recipe_of(f"screen:{display}?region={WIDTH}x{HEIGHT}+0+0&fps=30&cursor=0")


@contextmanager
def x_server(*, size: str = "320x240") -> Iterator[str]:
    """An X server without a screen, its root painted in one colour; gives its display."""
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb (apt-get install xvfb)")
    command = [
        "Xvfb",
        "-displayfd",
        "1",
        "-screen",
        "0",
        f"{size}x24",
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert server.stdout is not None
        display = f":{server.stdout.readline().decode().strip()}"
        if shutil.which("xsetroot"):
            subprocess.run(["xsetroot", "-display", display, "-solid", "#c83c1e"], check=True)
        yield display
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


class Pusher:
    """Another program that pushes pictures, 30 a second, every second one as JPEG."""

    def __init__(self, url: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, 2)
        self._socket.connect(url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        index = 0
        while not self._stop.wait(1 / 30):
            image = picture(index, HEIGHT, WIDTH)
            head = {"format": "rgb24", "w": WIDTH, "h": HEIGHT, "pts_ns": index * 33_000_000}
            data = image.tobytes()
            if index % 2:
                head, data = {"format": "jpeg"}, jpeg(image)
            with suppress(zmq.Again):
                self._socket.send_multipart([json.dumps(head).encode(), data], zmq.NOBLOCK)
                self._socket.send_multipart([b"{}", b"no picture"], zmq.NOBLOCK)
            index += 1

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()
        self._context.term()


def jpeg(image: np.ndarray) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = image.shape[1], image.shape[0]
    encoder.pix_fmt, encoder.time_base = "yuvj420p", 1
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])


@contextmanager
def pushed(folder: Path) -> Iterator[Recipe]:
    folder.chmod(0o700)
    url = f"ipc://{folder}/push"
    pusher = Pusher(url)
    yield recipe_of(f"zmq:{url}")
    pusher.close()


KINDS: dict[str, Callable[..., object]] = {
    kind.__name__: kind for kind in (tcp, udp, http, rtsp, hls, web, camera, screen, pushed)
}


@contextmanager
def opened(kind: str, folder: Path, config: SourceConfig = CONFIG) -> Iterator[LiveSource]:
    with ExitStack() as stack:
        recipe = stack.enter_context(KINDS[kind](folder))  # type: ignore[arg-type]
        source = LiveSource(recipe, config=config)
        stack.callback(source.close)
        yield source


__all__ = ["CONFIG", "HEIGHT", "KINDS", "WIDTH", "Broadcast", "opened", "x_server"]
