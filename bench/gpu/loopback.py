"""Whole streams of the GPU bench: a server on the device and a viewer, barcodes in the pixels."""

from __future__ import annotations

from typing import Any

from stereocast.bench import latency
from stereocast.engine.static import Place


def loopback(place: Place, source: str, *, seconds: float) -> dict[str, object]:
    """Stream to a viewer over a socket and return ages from capture to decoded pixels."""
    device = place.device
    options = ["--set", f"device.name={device.type}"]
    if device.type == "cuda":
        options += ["--set", f"device.index={device.index or 0}"]
    scenario = latency.Scenario(source=source, seconds=seconds, options=tuple(options))
    report: dict[str, Any] = latency.run(scenario)
    (viewer,) = report["viewers"].values()
    return {
        "source": source,
        "age_ms": viewer["total_ms"],
        **{f"stage {name}": values for name, values in viewer["stages_ms"].items()},
        "frames": viewer["frames_out"],
        "fps": viewer["fps"],
        "barcodes": viewer["strips"],
        "not_shown": viewer["drops"],
        "server_drops": report["server"]["drops"],
        "depth": report["server"]["depth_stage"]["model"],
    }
