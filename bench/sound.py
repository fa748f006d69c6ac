"""How far sound and picture are out of step where they are seen and heard: beep and flash.

A film with a flash and a beep each second is streamed by `stereocast live` in a process of its own.
A viewer here decodes both. A picture counts as seen when it is decoded, a sample as heard when
DelayedPlayout says that it is to be played; both by one clock. What a screen and a loudspeaker add
is not in it. Beside it stands what the clocks of the server alone say, and what a recording of the
same stream holds.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext

from stereocast.bench.beep_flash import (
    PERIOD_S,
    RATE_HZ,
    Film,
    FlashFinder,
    OnsetFinder,
    write_film,
)
from stereocast.bench.processes import streaming
from stereocast.engine.errors import StereocastError
from stereocast.engine.layout import Layout
from stereocast.runtime import machine, wire
from stereocast.runtime.address import parse_address
from stereocast.runtime.client import StreamClient, Sync
from stereocast.runtime.packet import Packet
from stereocast.runtime.sink.output import VideoShape
from stereocast.runtime.sink.record import Recorder
from stereocast.runtime.sound.playout import Block, DelayedPlayout
from stereocast.runtime.watch.decode import Decoder, luma

GOAL_MS = 30.0
"""p95 of the distance between a flash and its beep."""
WARM_UP_S = 3.0
_POLL_MS = 50
_MATCH_S = PERIOD_S / 2


@dataclass(frozen=True)
class Case:
    """What is measured: so many seconds of a film, streamed with these options of `live`."""

    seconds: float = 60.0
    film: Film = field(default_factory=Film)
    options: tuple[str, ...] = ("--realtime",)


class Viewer:
    """Sees and hears one stream.

    flashes_s, beeps_s  when flashes were seen and beeps heard, on this process's clock
    flash_captures_s, beep_captures_s  when the server says that they were captured
    pictures, sounds    how many came
    """

    def __init__(self, stream: wire.Stream, recording: Path | None = None) -> None:
        if stream.audio is None:
            raise StereocastError("bench sound: the stream has no sound")
        self.flashes_s: list[float] = []
        self.beeps_s: list[float] = []
        self.flash_captures_s: list[float] = []
        self.beep_captures_s: list[float] = []
        self.pictures = self.sounds = 0
        self.playout = DelayedPlayout()
        self._sync = Sync()
        self._decoder = Decoder(stream.codec)
        self._ear = opus_decoder()
        self._flash, self._onset = FlashFinder(), OnsetFinder()
        self._recorder = None
        if recording is not None:
            shape = VideoShape(stream.w, stream.h, stream.fps, Layout(stream.layout))
            self._recorder = Recorder(
                recording, codec=stream.codec, video=shape, audio=stream.audio
            )

    def watch(self, client: StreamClient, seconds: float) -> None:
        """Watch until the stream or the time ends."""
        end_ns = time.monotonic_ns() + round(seconds * 1e9)
        while time.monotonic_ns() < end_ns:
            message = client.receive(_POLL_MS)
            if isinstance(message, wire.FrameMessage):
                self._see(client, message)
            elif isinstance(message, wire.SoundMessage):
                self._hear(message, client.received_ns)
            elif isinstance(message, wire.End):
                break
        if self._recorder is not None:
            self._recorder.close()

    def _see(self, client: StreamClient, frame: wire.FrameMessage) -> None:
        picture = self._decoder.decode(frame.payload) if self._sync.accept(frame) else None
        seen_ns = time.monotonic_ns()
        client.grant(1, frame.seq)
        if picture is None:
            self._sync.lose()
            if self._sync.key_due(seen_ns):
                client.request_key("decode")
            return
        self.pictures += 1
        self.playout.picture(seen_ns - frame.t_capture_ns, seen_ns)
        if self._flash.is_flash(luma(picture)):
            self.flashes_s.append(seen_ns / 1e9)
            self.flash_captures_s.append(frame.t_capture_ns / 1e9)
        if self._recorder is not None:
            unit = Packet(frame.payload, frame.src_pts_ns, frame.is_keyframe)
            self._recorder.write(unit, t_capture_ns=frame.t_capture_ns)

    def _hear(self, sound: wire.SoundMessage, received_ns: int) -> None:
        self.sounds += 1
        if self._recorder is not None:
            self._recorder.hear(sound)
        samples = first_channel(self._ear, sound.payload)[sound.pre_skip :]
        block = Block(sound.epoch, sound.src_pts_ns, sound.t_capture_ns, sound.duration_ns)
        placed = self.playout.place(block, received_ns)
        if placed is None:
            return
        sample_ns = (placed.end_ns - placed.at_ns) / samples.shape[0]
        for at in self._onset.onsets(samples):
            self.beeps_s.append((placed.at_ns + at * sample_ns) / 1e9)
            self.beep_captures_s.append(sound.t_capture_ns / 1e9 + at / RATE_HZ)


def run(case: Case) -> dict[str, object]:
    """Stream, watch, record; return the report. Raises StereocastError if a process fails."""
    before = machine.facts()
    with tempfile.TemporaryDirectory(prefix="stereocast-bench-") as name:
        folder = Path(name)
        film = write_film(folder / "film.mkv", case.film)
        recording = folder / "recording.mkv"
        with (
            streaming(str(film), folder, *case.options) as address,
            StreamClient(
                parse_address(address, folder=folder), name="bench", want_audio=True
            ) as client,
        ):
            began_s = time.monotonic()
            viewer = Viewer(client.welcome, recording)
            viewer.watch(client, case.seconds)
        server = json.loads((folder / "live.json").read_text())
        recorded = look_at(recording)
    told = skews_ms(viewer.flash_captures_s, viewer.beep_captures_s)
    seen = skews_ms(viewer.flashes_s, viewer.beeps_s, from_s=began_s + WARM_UP_S)
    return {
        "schema": "stereocast/bench-sound/1",
        "machine": before,
        "case": asdict(case),
        "goal_ms": GOAL_MS,
        "skew_ms": summary(seen),
        "capture_skew_ms": summary(told),
        "recording_skew_ms": summary(recorded),
        "is_met": bool(seen) and summary(seen)["p95"] <= GOAL_MS,
        "pictures": viewer.pictures,
        "sounds": viewer.sounds,
        "late": viewer.playout.late,
        "resyncs": viewer.playout.resyncs,
        "delay_ms": round((viewer.playout.delay_ns or 0) / 1e6, 2),
        "server": {key: server[key] for key in ("fps", "drops", "total_ms")},
        "load_after": os.getloadavg(),
    }


def skews_ms(
    flashes_s: Sequence[float], beeps_s: Sequence[float], *, from_s: float = 0.0
) -> list[float]:
    """Return how much later each flash's beep is than the flash; flashes without one are left out.

    from_s  what was seen before is left out, too
    """
    beeps = np.array(beeps_s)
    skews = []
    for flash in flashes_s:
        if flash < from_s or not beeps.size:
            continue
        nearest = float(beeps[np.abs(beeps - flash).argmin()]) - flash
        if abs(nearest) < _MATCH_S:
            skews.append(1000 * nearest)
    return skews


def summary(skews: Sequence[float]) -> dict[str, float]:
    """Return how many there are, their median with its sign, and percentiles of their size."""
    if not skews:
        return {"count": 0}
    sizes = np.abs(skews)
    p50, p95, largest = (float(np.percentile(sizes, share)) for share in (50, 95, 100))
    values = {"median": float(np.median(skews)), "p50": p50, "p95": p95, "max": largest}
    return {"count": len(skews), **{name: round(value, 2) for name, value in values.items()}}


def look_at(path: Path) -> list[float]:
    """Return the skews of flashes and beeps in a file, milliseconds."""
    flash, onset, flashes, beeps = FlashFinder(), OnsetFinder(), [], []
    with av.open(str(path)) as file:
        for picture in file.decode(video=0):
            if flash.is_flash(luma(picture)):
                flashes.append(float(picture.time or 0))
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float32).reshape(2, -1)[0]
            beeps += [float(frame.time or 0) + at / RATE_HZ for at in onset.onsets(samples)]
    return skews_ms(flashes, beeps)


def opus_decoder() -> AudioCodecContext:
    """Return a decoder for packets of Opus that come without a container."""
    context = av.CodecContext.create("opus", "r")
    assert isinstance(context, AudioCodecContext)
    context.layout, context.sample_rate = "stereo", RATE_HZ
    return context


def first_channel(decoder: AudioCodecContext, packet: bytes) -> npt.NDArray[np.float32]:
    """Decode a packet; return the first channel [samples]."""
    (frame,) = decoder.decode(av.Packet(packet))
    samples: npt.NDArray[np.float32] = frame.to_ndarray().astype(np.float32).reshape(2, -1)[0]
    return samples
