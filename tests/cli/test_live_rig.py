"""What `live` builds beside a stream, it has made ready before."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from stereocast.engine.layout import Layout
from stereocast.engine.session import DepthConfig
from stereocast.runtime.cli import live_rig
from stereocast.runtime.config import Config
from stereocast.runtime.depth import DepthFiles
from stereocast.runtime.ladder import RUNGS

SIZE = (360, 640)


@pytest.mark.parametrize(("on_gpu", "opened"), [(False, [("tiny", 112, 196)]), (True, [])])
def test_networks_of_lower_steps_are_exported_before_the_stream(
    monkeypatch: pytest.MonkeyPatch, on_gpu: bool, opened: list[tuple[str, int, int]]
) -> None:
    seen = []

    def open_depth(depth: DepthConfig, frame_size: tuple[int, int], files: DepthFiles) -> None:
        assert frame_size == SIZE
        seen.append((depth.model, depth.height, depth.width))

    monkeypatch.setattr(live_rig, "open_depth", open_depth)
    session = SimpleNamespace(on_gpu=on_gpu, frame_size=SIZE)
    live_rig.SessionShop(Config(), Layout.FULL_SBS).foresee(session, RUNGS)
    assert seen == opened
