"""What `live` builds beside a stream, it has made ready before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stereocast.engine.layout import Layout
from stereocast.runtime.cli import live_rig
from stereocast.runtime.config import Config
from stereocast.runtime.ladder import RUNGS


@pytest.mark.parametrize(("device", "opened"), [("cpu", [("tiny", 112, 196)]), ("cuda", [])])
def test_networks_of_lower_steps_are_exported_before_the_stream(
    monkeypatch: pytest.MonkeyPatch, device: str, opened: list[tuple[str, int, int]]
) -> None:
    seen = []

    def open_depth(depth, frame_size, files):  # type: ignore[no-untyped-def]
        assert frame_size == (360, 640)
        seen.append((depth.model, depth.height, depth.width))

    monkeypatch.setattr(live_rig, "open_depth", open_depth)
    config = Config()
    config = replace(config, device=replace(config.device, name=device))
    live_rig.SessionShop(config, Layout.FULL_SBS).foresee((360, 640), RUNGS)
    assert seen == opened
