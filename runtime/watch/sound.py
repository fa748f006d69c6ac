"""What a viewer finds out about sound without playing it: what came, and if it came in time."""

from __future__ import annotations

from stereocast.runtime.latency import Histogram
from stereocast.runtime.sound.playout import Block, DelayedPlayout
from stereocast.runtime.wire import MAX_SEQ, SoundMessage


class SoundAccount:
    """Counts packets, and places each as a player would.

    packets, bytes  that came
    lost     missing between those that came
    epochs   times that its clock began anew, the first one counted
    spare    time between a packet's coming and its playing
    playout  its counts, and the delay that sound has now
    """

    def __init__(self) -> None:
        self.packets = self.bytes = self.lost = self.epochs = 0
        self.spare = Histogram()
        self.playout = DelayedPlayout()
        self._epoch: int | None = None
        self._seq: int | None = None

    def picture(self, age_ns: int, now_ns: int) -> None:
        """Note how old a picture was when it was seen."""
        self.playout.picture(age_ns, now_ns)

    def add(self, sound: SoundMessage, received_ns: int, t_capture_ns: int | None) -> None:
        """Take one packet; times on this process's clock, None where nobody knows."""
        self.packets += 1
        self.bytes += len(sound.payload)
        if self._seq is not None:
            self.lost += (sound.seq - self._seq - 1) % (MAX_SEQ + 1)
        self._seq = sound.seq
        if sound.epoch != self._epoch:
            self._epoch = sound.epoch
            self.epochs += 1
        if t_capture_ns is None:
            return
        block = Block(sound.epoch, sound.src_pts_ns, t_capture_ns, sound.duration_ns)
        placed = self.playout.place(block, received_ns)
        if placed is not None:
            self.spare.add(placed.at_ns - received_ns)

    def report(self) -> dict[str, object]:
        """Return the counts for the JSON report; milliseconds."""
        delay_ns = self.playout.delay_ns
        return {
            "packets": self.packets,
            "bytes": self.bytes,
            "lost": self.lost,
            "epochs": self.epochs,
            "late": self.playout.late,
            "resyncs": self.playout.resyncs,
            "delay_ms": None if delay_ns is None else round(delay_ns / 1e6, 2),
            "spare_ms": {
                f"p{share}": round(self.spare.percentile_ns(share) / 1e6, 2) for share in (5, 50)
            }
            if self.spare.count
            else None,
        }

    def sentence(self) -> str:
        """Say in one line how sound was."""
        if not self.packets:
            return "sound: none came"
        delay_ns = self.playout.delay_ns
        held = "" if delay_ns is None else f"; held back by {delay_ns / 1e6:.0f} ms to be in step"
        return (
            f"sound: {self.packets} packets, {self.lost} lost, {self.playout.late} too late, "
            f"{self.playout.resyncs} jumps{held}"
        )
