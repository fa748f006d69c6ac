"""How long to wait before something that failed is tried again. Pure; reads no clock."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

FIRST_S = 0.5
LONGEST_S = 10.0
JITTER = 0.2
"""Share by which a wait is made longer or shorter, so that many do not come back at once."""


@dataclass
class Backoff:
    """Waits that double from `first_s` to `longest_s`, each off by up to a fifth.

    failures  how often in a row it went wrong
    """

    first_s: float = FIRST_S
    longest_s: float = LONGEST_S
    failures: int = 0
    chance: random.Random = field(default_factory=random.Random)

    def next_s(self) -> float:
        """Count one more failure, and return how long to wait now."""
        # The exponent is bounded: a source may be away for a week.
        wait_s = min(self.longest_s, self.first_s * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return wait_s * (1 + JITTER * (2 * self.chance.random() - 1))

    def succeeded(self) -> None:
        """Begin with the shortest wait again."""
        self.failures = 0
