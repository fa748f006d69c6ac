"""Two hundred files that were damaged on purpose, and a bomb: refused or read, never a crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.file import FileSource
from tests import clips
from tests.clips import Clip

pytestmark = pytest.mark.slow

SUFFIXES = (".mp4", ".mkv", ".ts", ".avi")
PER_SUFFIX = 50
MOST_MIB = 1500
"""What PyTorch takes already, and a lot more than such small pictures need."""


def mutated(data: bytes, seed: int) -> bytes:
    """Flip bits, cut, blank, repeat or swap parts of a good file."""
    chance = np.random.default_rng(seed)
    bytes_ = np.frombuffer(data, np.uint8).copy()
    start, end = sorted(int(at) for at in chance.integers(0, len(bytes_), 2))
    match seed % 5:
        case 0:
            places = chance.integers(0, len(bytes_), 1 + len(bytes_) // 500)
            bytes_[places] ^= (1 << chance.integers(0, 8, len(places))).astype(np.uint8)
        case 1:
            bytes_ = bytes_[: max(1, end)]
        case 2:
            bytes_[start : start + 400] = 0
        case 3:
            bytes_ = np.concatenate((bytes_[:end], bytes_[start:]))
        case _:
            head = min(200, len(bytes_))
            bytes_[:head] = chance.permutation(bytes_[:head])
    return bytes_.tobytes()


def test_two_hundred_malformed_files_crash_nothing_and_take_bounded_memory(tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    for number, suffix in enumerate(SUFFIXES):
        good = clips.write(tmp_path / f"good{suffix}", Clip(count=20)).read_bytes()
        for seed in range(PER_SUFFIX):
            bad = mutated(good, 1000 * number + seed)
            (folder / f"{number}-{seed:03}{suffix}").write_bytes(bad)
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtime.malformed", str(folder)],
        capture_output=True, text=True, timeout=300, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    read, refused, mib = map(int, done.stdout.split())
    assert read + refused == len(SUFFIXES) * PER_SUFFIX
    assert min(read, refused) > 10, "too little or too much damage proves nothing"
    assert mib < MOST_MIB


def test_a_small_file_with_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = 16000, 8000, "yuv420p"
        context.options = {"preset": "ultrafast", "crf": "51"}
        frame = av.VideoFrame(16000, 8000, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(SourceError, match=r"more than 35389440 pixels"):
        FileSource(path)
