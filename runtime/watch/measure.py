"""What the pixels prove: the latency strips of both eyes against the header of their frame.

Counts verdicts and prints none; the clock and the socket live in the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stereocast.engine.layout import Layout
from stereocast.runtime import barcode


class Verdict(StrEnum):
    """What the strips of one picture say."""

    PROVEN = "proven"
    """Both eyes read, are on their own side, and show the frame that the header names."""
    UNREADABLE = "unreadable"
    """A check failed in at least one eye."""
    WRONG_PICTURE = "wrong picture"
    """Readable, but the eyes differ or show another frame than the header names."""
    SWAPPED_EYES = "swapped eyes"
    """Readable and right in time, but an eye is on the wrong side."""


@dataclass
class StripCounts:
    """How many pictures earned each verdict."""

    proven: int = 0
    unreadable: int = 0
    wrong_picture: int = 0
    swapped_eyes: int = 0

    @property
    def total(self) -> int:
        """Pictures judged."""
        return self.proven + self.unreadable + self.wrong_picture + self.swapped_eyes

    def judge(self, luma: barcode.Luma, layout: Layout, *, seq: int) -> Verdict:
        """Read both eyes of a packed picture and count the verdict.

        luma  [H, W] uint8 of the whole picture
        seq   number of the source frame in the header; the strip carries its low 24 bits
        """
        verdict = _verdict(luma, layout, seq)
        match verdict:
            case Verdict.PROVEN:
                self.proven += 1
            case Verdict.UNREADABLE:
                self.unreadable += 1
            case Verdict.WRONG_PICTURE:
                self.wrong_picture += 1
            case Verdict.SWAPPED_EYES:
                self.swapped_eyes += 1
        return verdict

    def report(self) -> dict[str, int]:
        """Return the counts for the JSON report."""
        return {
            "pictures": self.total,
            "proven": self.proven,
            "unreadable": self.unreadable,
            "wrong_picture": self.wrong_picture,
            "swapped_eyes": self.swapped_eyes,
        }


def _verdict(luma: barcode.Luma, layout: Layout, seq: int) -> Verdict:
    left, right = barcode.read_picture(luma, layout)
    if left is None or right is None:
        return Verdict.UNREADABLE
    one_picture = left.source == right.source and left.encoder == right.encoder
    if not one_picture or left.source != seq & barcode.SOURCE_MASK:
        return Verdict.WRONG_PICTURE
    if left.right or not right.right:
        return Verdict.SWAPPED_EYES
    return Verdict.PROVEN
