"""The gateway's numbers for Prometheus, in a registry of its own. Owns prometheus_client."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST
AGE_BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
CAUSES = frozenset({"desync", "decode", "queue", "late", "credit", "skipped", "network", "hidden"})
"""Causes of drops that browsers may name; all others count as `other`, so that no page can fill
the registry."""


class Metrics:
    """All series of one gateway."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.viewers = Gauge("stereocast_web_viewers", "Browsers that watch", registry=registry)
        self.frames = Counter("stereocast_web_frames", "Frames sent to browsers", registry=registry)
        self.bytes = Counter(
            "stereocast_web_bytes", "Bytes of frames sent to browsers", registry=registry
        )
        self.engine_frames = Counter(
            "stereocast_web_engine_frames", "Different frames seen", registry=registry
        )
        self.latency = Histogram(
            "stereocast_web_frame_latency_seconds",
            "Capture to gateway",
            buckets=AGE_BUCKETS_S,
            registry=registry,
        )
        self.age = Histogram(
            "stereocast_web_frame_age_seconds",
            "Capture to shown, told by browsers",
            buckets=AGE_BUCKETS_S,
            registry=registry,
        )
        self.fps = Gauge(
            "stereocast_web_viewer_fps", "Lowest rate that a browser shows", registry=registry
        )
        self.decoder_queue = Gauge(
            "stereocast_web_decoder_queue",
            "Longest queue of a browser's decoder",
            registry=registry,
        )
        self.drops = Counter(
            "stereocast_web_drops",
            "Frames that a browser did not show",
            ["cause"],
            registry=registry,
        )
        self._count_sound(registry)
        self.degrade_step = Gauge(
            "stereocast_web_degrade_step",
            "Step of the ladder that the engine stands on to keep up; 0: nothing is given up",
            registry=registry,
        )
        self.reconnects = Counter(
            "stereocast_web_engine_reconnects",
            "Times a viewer's line was rebuilt",
            registry=registry,
        )
        self.left = Counter(
            "stereocast_web_viewers_broken_off",
            "Browsers that left in mid-message",
            registry=registry,
        )
        self.refused = Counter(
            "stereocast_web_viewers_refused",
            "Viewers turned away or cut off",
            ["why"],
            registry=registry,
        )

    def _count_sound(self, registry: CollectorRegistry) -> None:
        self.sounds = Counter(
            "stereocast_web_sound_packets", "Packets of sound sent to browsers", registry=registry
        )
        self.sound_drops = Counter(
            "stereocast_web_sound_drops",
            "Packets of sound that waited too long for a browser",
            registry=registry,
        )

    def drop(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Count what was dropped between two totals of one browser."""
        for cause, count in now.items():
            grown = count - before.get(cause, 0)
            if grown > 0:
                self.drops.labels(cause if cause in CAUSES else "other").inc(grown)

    def text(self) -> bytes:
        """Return all series in Prometheus' text format."""
        return generate_latest(self.registry)
