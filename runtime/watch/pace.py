"""How the stream goes right now: pictures per second and their age over the last two seconds."""

from __future__ import annotations

from collections import deque

from stereocast.runtime.latency import Histogram

SPAN_NS = 2_000_000_000


class Pace:
    """A sliding window over the pictures that were shown."""

    def __init__(self) -> None:
        self._pictures: deque[tuple[int, int | None]] = deque()

    def add(self, now_ns: int, age_ns: int | None) -> None:
        """Count one picture; `age_ns` is None where it cannot be told honestly."""
        self._pictures.append((now_ns, age_ns))
        self._forget(now_ns)

    def fps(self, now_ns: int) -> float:
        """Return pictures per second; 0 until there are two."""
        self._forget(now_ns)
        if len(self._pictures) < 2:
            return 0.0
        # Up to now, not up to the last picture: a stream that stops must be seen to stop.
        interval_ns = (self._pictures[-1][0] - self._pictures[0][0]) / (len(self._pictures) - 1)
        since_last_ns = now_ns - self._pictures[-1][0]
        return 1e9 / max(interval_ns, since_last_ns, 1.0)

    def ages_ms(self) -> tuple[float, float] | None:
        """Return (p50, p95) of the ages in milliseconds, None where no age is known."""
        ages = Histogram()
        for _, age_ns in self._pictures:
            if age_ns is not None:
                ages.add(age_ns)
        if not ages.count:
            return None
        return ages.percentile_ns(50) / 1e6, ages.percentile_ns(95) / 1e6

    def caption(self, now_ns: int) -> str:
        """Return rate and ages in a few words."""
        ages = self.ages_ms()
        age = f"age p50 {ages[0]:.0f} p95 {ages[1]:.0f} ms" if ages else "age unknown"
        return f"{self.fps(now_ns):.1f} fps · {age}"

    def _forget(self, now_ns: int) -> None:
        while self._pictures and self._pictures[0][0] < now_ns - SPAN_NS:
            self._pictures.popleft()
