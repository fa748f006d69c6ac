"""JPEGs for everything that can show one: the moving preview, the snapshot, the first frame."""

from __future__ import annotations

import io
import time
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from stereocast.engine.layout import Layout, View
from stereocast.runtime.address import Address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.source.file import FileSource
from stereocast.runtime.watch.decode import Decoder
from stereocast.runtime.watch.view import view_pixels
from stereocast.runtime.web.pictures import depth_jpeg, jpeg
from stereocast.runtime.wire import DepthMap
from tests import clips
from tests.clips import Clip
from tests.patience import PATIENCE_S, eventually
from tests.running import Running
from tests.runtime.conftest import one_torch_thread  # noqa: F401  # as in the live process
from tests.strip_stream import HEIGHT, WIDTH, StripServer, coded_frames
from tests.web_gateway.conftest import Gateway, Serve

EYE = WIDTH // 2


def pixels(data: bytes) -> NDArray[np.uint8]:
    with av.open(io.BytesIO(data), format="mjpeg") as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def fetched(gateway: Gateway, path: str) -> httpx.Response:
    """Ask for a picture, again and again while none has come: a busy machine needs its time."""
    end_s = time.monotonic() + PATIENCE_S
    while (answer := gateway.http.get(path)).status_code == 503:
        assert time.monotonic() < end_s, answer.text
    return answer


def parts(gateway: Gateway, query: str, count: int) -> list[bytes]:
    """Take so many pictures from the moving preview, as a browser cuts them."""
    found: list[bytes] = []
    with gateway.http.stream("GET", f"/preview.mjpeg?{query}") as answer:
        assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        buffer = b""
        for piece in answer.iter_raw():
            buffer += piece
            while b"\r\n\r\n" in buffer:
                head, _, rest = buffer.partition(b"\r\n\r\n")
                length = int(head.rpartition(b"Content-Length: ")[2])
                if len(rest) < length:
                    break
                found.append(rest[:length])
                buffer = rest[length:]
            if len(found) >= count:
                return found
    return found


@pytest.mark.parametrize(
    ("view", "size"),
    [("left", (HEIGHT, EYE)), ("right", (HEIGHT, EYE)), ("sbs", (HEIGHT, 2 * EYE)),
     ("anaglyph", (HEIGHT, EYE)), ("depth", (4, 6))],
)  # fmt: skip
def test_a_snapshot_shows_the_view_asked_for(
    serve: Serve, address: Address, view: str, size: tuple[int, int]
) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000):
        answer = fetched(gateway, f"/snapshot.jpg?view={view}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert pixels(answer.content).shape == (*size, 3)


def test_the_moving_preview_shows_new_pictures(serve: Serve, address: Address) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000):
        seen = parts(gateway, "view=sbs&fps=60", 5)
    shown = [pixels(data) for data in seen]
    assert all(picture.shape == (HEIGHT, WIDTH, 3) for picture in shown)
    assert len({data for data in seen}) == 5


def test_a_preview_is_paced(serve: Serve, address: Address) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000):
        began_s = time.monotonic()
        parts(gateway, "fps=10", 6)
        assert time.monotonic() - began_s > 0.45


def test_the_decoder_rests_when_nobody_looks(serve: Serve, address: Address) -> None:
    gateway = serve()
    with StripServer(address, frames=100_000) as server:
        parts(gateway, "fps=60", 2)
        eventually(lambda: server.sink.viewers == 0)
        assert fetched(gateway, "/snapshot.jpg").status_code == 200


def test_previews_are_bounded(serve: Serve, address: Address) -> None:
    gateway = serve(max_previews=1)
    with (
        StripServer(address, frames=10_000),
        gateway.http.stream("GET", "/preview.mjpeg") as first,
    ):
        pieces = first.iter_raw()
        next(pieces)
        with gateway.http.stream("GET", "/preview.mjpeg") as second:
            assert second.status_code == 503
        next(pieces)

    def is_served() -> bool:
        with gateway.http.stream("GET", "/preview.mjpeg") as later:
            return later.status_code == 200

    with StripServer(address, frames=10_000):
        eventually(is_served)


def test_the_first_frame_is_there_before_anybody_watches(serve: Serve, address: Address) -> None:
    with StripServer(address, frames=10_000):
        gateway = serve()
        sizes = {
            view: pixels(fetched(gateway, f"/first-frame?view={view}").content).shape[:2]
            for view in ("rgb", "depth", "sbs")
        }
    assert sizes == {"rgb": (HEIGHT, EYE), "depth": (4, 6), "sbs": (HEIGHT, WIDTH)}


@pytest.mark.usefixtures("one_torch_thread")
def test_a_paused_film_has_a_snapshot_of_its_depth(
    serve: Serve, address: Address, tmp_path: Path
) -> None:
    film = FileSource(clips.write(tmp_path / "film.mkv", Clip(count=1000)))
    with Running(film, address) as running, StreamClient(address, name="Ada") as client:
        client.send_quality(paused=True)
        eventually(lambda: running.is_paused)
        gateway = serve()
        assert fetched(gateway, "/snapshot.jpg?view=depth").status_code == 200
        assert pixels(fetched(gateway, "/snapshot.jpg?view=left").content).shape == (48, 64, 3)


def test_without_a_stream_previews_say_so(serve: Serve) -> None:
    http = serve().http
    answer = http.get("/snapshot.jpg")
    assert (answer.status_code, "detail" in answer.json()) == (503, True)
    assert http.get("/snapshot.jpg?view=inside-out").status_code == 422


def test_colours_survive_the_jpeg() -> None:
    picture = Decoder("h264").decode(coded_frames(1)[0].data)
    assert picture is not None
    left = view_pixels(picture, Layout.FULL_SBS, View.LEFT)
    assert np.abs(pixels(jpeg(left)).astype(int) - left).mean() < 6
    flat = np.full((16, 32, 3), (60, 200, 30), np.uint8)
    assert np.abs(pixels(jpeg(flat)).astype(int) - flat).max() <= 4


def test_near_is_white() -> None:
    depth = DepthMap(w=8, h=2, data=bytes([0] * 4 + [255] * 4) * 2)
    grey = pixels(depth_jpeg(depth))
    assert grey[:, 0].max() < 60 < 200 < grey[:, -1].min()
