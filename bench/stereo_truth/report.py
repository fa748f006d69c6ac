"""Everything a comparison found, as one JSON report and as one Markdown page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from stereocast.bench.stereo_truth.clips import RenderedClips
from stereocast.bench.stereo_truth.comparison import Row
from stereocast.bench.stereo_truth.gates import gates
from stereocast.bench.stereo_truth.tables import table
from stereocast.runtime import machine


def as_json(rows: Iterable[Row], clips: RenderedClips) -> dict[str, Any]:
    """Return the report: machine, settings, promises and every score (null where there is none)."""
    found = list(rows)
    return {
        "schema": "stereocast/bench-stereo-truth/1",
        "machine": machine.facts(),
        "clips": settings(clips),
        "gates": [
            {
                "name": gate.name,
                "value": _finite(gate.value),
                "limit": gate.limit,
                "at_most": gate.at_most,
                "stretch": gate.is_stretch,
                "kept": gate.is_kept,
            }
            for gate in gates(found)
        ],
        "rows": [
            {
                "depth": row.depth,
                "clip": row.clip,
                "method": row.method,
                "scores": {name: _finite(value) for name, value in row.scores.items()},
            }
            for row in found
        ],
    }


def as_markdown(rows: Iterable[Row], clips: RenderedClips) -> str:
    """Return the page: what was rendered, the promises, the tables."""
    found = list(rows)
    told = ", ".join(f"{name} {value}" for name, value in settings(clips).items())
    lines = "\n".join(f"- {gate.line()}" for gate in gates(found))
    return f"## Second eyes against true ones\n\n{told}\n\n{lines}\n\n{table(found)}"


def settings(clips: RenderedClips) -> dict[str, Any]:
    """Return what was rendered, as plain values."""
    return {
        "scenes": clips.scenes,
        "frames": clips.frames,
        "size": f"{clips.width}x{clips.height}",
        "seed": clips.seed,
        "camera": clips.camera,
        "blur px at 720p": clips.blur_px_at_720p,
    }


def _finite(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None
