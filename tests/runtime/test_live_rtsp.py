"""A network camera over RTSP: it asks who is there, loses its power, and comes back."""

from __future__ import annotations

from contextlib import closing

import pytest

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.live.source import LiveSource
from tests.rtsp_sender import RtspSender
from tests.runtime.live_kinds import CONFIG, HEIGHT, WIDTH, recipe_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_torch_thread")]


def test_a_camera_that_asks_for_a_password_is_watched_over_one_connection() -> None:
    with (
        closing(RtspSender(password="secret")) as camera,
        closing(LiveSource(recipe_of(camera.url), config=CONFIG)) as source,
    ):
        frame = next(source.arrivals()).read()
        assert frame is not None
        assert frame.rgb.shape == (3, HEIGHT, WIDTH)
        # Asked once without the password, then with it: nobody sends one that nobody wants.
        assert camera.asked.count("DESCRIBE") % 2 == 0
        assert {"SETUP", "PLAY"} <= set(camera.asked)


def test_a_wrong_password_is_one_line_that_does_not_repeat_it() -> None:
    with closing(RtspSender(password="secret")) as camera:
        url = camera.url.replace("secret", "hidden")
        with pytest.raises(SourceError, match="401") as refused:
            LiveSource(recipe_of(url), config=CONFIG).close()
        assert "\n" not in str(refused.value)
        assert "hidden" not in str(refused.value)


def test_a_camera_that_loses_its_power_is_called_again() -> None:
    with (
        closing(RtspSender()) as camera,
        closing(LiveSource(recipe_of(camera.url), config=CONFIG)) as source,
    ):
        arrivals = source.arrivals()
        before = next(arrivals).read()
        assert before is not None
        camera.drop()
        while source.reconnects == 0:
            next(arrivals).read()
        after = None
        while after is None:
            after = next(arrivals).read()
        assert after.pts_ns > before.pts_ns
        assert "came back" in source.remarks[0]
