"""A film that shows a flash and sounds a beep at the same instants, and what finds them again.

Once a second, at whole seconds, one white picture is shown and a 1 kHz tone begins. Who receives
the film looks for the white pictures and for the beginnings of the tone: their distance is how far
sound and picture are out of step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

RATE_HZ = 48_000
TONE_HZ = 1000
BEEP_S = 0.1
LEVEL = 0.5
PERIOD_S = 1.0
_BLOCK = 960
_BLACK, _WHITE = 16, 235
FLASH_LUMA = 126
"""Mean luma above which a picture is a flash."""
ONSET_LEVEL = 0.1
"""Of full scale; silence that was coded stays far below."""
QUIET_S = 0.2
"""A tone begins only after so much silence."""


@dataclass(frozen=True)
class Film:
    """What is made: so many seconds, pictures of one size, and a codec of sound.

    begins_s  time of the first flash
    """

    seconds: float = 60.0
    fps: int = 30
    height: int = 180
    width: int = 320
    codec: str = "aac"
    rate_hz: int = RATE_HZ
    begins_s: float = 1.0


def write_film(path: Path, film: Film) -> Path:
    """Write the film, picture and sound interleaved as films are; return its path."""
    with av.open(path, "w") as output:
        video = output.add_stream("libx264", rate=film.fps)
        video.width, video.height, video.pix_fmt = film.width, film.height, "yuv420p"
        video.codec_context.options = {"preset": "ultrafast", "g": str(film.fps)}
        sound = cast(AudioStream, output.add_stream(film.codec, rate=film.rate_hz))
        sound.codec_context.layout = "stereo"
        resampler = av.AudioResampler(sound.codec_context.format, "stereo", film.rate_hz)
        blocks = _blocks(film)
        heard_s = 0.0
        for index in range(round(film.seconds * film.fps)):
            while heard_s <= index / film.fps and (block := next(blocks, None)) is not None:
                for frame in resampler.resample(block):
                    output.mux(sound.encode(frame))
                heard_s += _BLOCK / RATE_HZ
            output.mux(video.encode(_picture(film, index)))
        output.mux(video.encode())
        for block in (*blocks, None):
            for frame in resampler.resample(block):
                output.mux(sound.encode(frame))
        output.mux(sound.encode())
    return path


def _picture(film: Film, index: int) -> av.VideoFrame:
    time_s = Fraction(index, film.fps) - Fraction(film.begins_s)
    is_flash = time_s >= 0 and time_s % Fraction(PERIOD_S) == 0
    frame = av.VideoFrame(film.width, film.height, "yuv420p")
    for plane, code in zip(frame.planes, (_WHITE if is_flash else _BLACK, 128, 128), strict=True):
        plane.update(bytes([code]) * plane.buffer_size)
    frame.pts, frame.time_base = index, Fraction(1, film.fps)
    return frame


def _blocks(film: Film) -> Iterator[av.AudioFrame]:
    for start in range(0, round(film.seconds * RATE_HZ), _BLOCK):
        time_s = (np.arange(start, start + _BLOCK) / RATE_HZ) - film.begins_s
        is_on = (time_s >= -1e-9) & ((time_s + 1e-9) % PERIOD_S < BEEP_S)
        # A cosine is at its full level from the first sample on: the beginning is sharp.
        wave = np.where(is_on, LEVEL * np.cos(2 * np.pi * TONE_HZ * time_s), 0).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
        yield frame


class FlashFinder:
    """Finds the first picture of each flash."""

    def __init__(self) -> None:
        self._was_flash = False

    def is_flash(self, luma: npt.NDArray[np.uint8]) -> bool:
        """Return whether a flash begins with this picture, luma [H, W]."""
        is_flash = float(luma[::8, ::8].mean()) > FLASH_LUMA
        begins = is_flash and not self._was_flash
        self._was_flash = is_flash
        return begins


class OnsetFinder:
    """Finds the beginnings of the tone in sound that comes block by block, without gaps."""

    def __init__(self) -> None:
        self._quiet = 0

    def onsets(self, samples: npt.NDArray[np.float32]) -> list[int]:
        """Return the indices in a block [samples] at which a tone begins."""
        found = []
        loud = np.flatnonzero(np.abs(samples) > ONSET_LEVEL)
        last = -self._quiet - 1
        for index in loud:
            if index - last > QUIET_S * RATE_HZ:
                found.append(int(index))
            last = int(index)
        self._quiet = samples.shape[0] - last - 1
        return found

    def forget(self) -> None:
        """Begin anew after a gap."""
        self._quiet = 0
