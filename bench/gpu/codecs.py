"""Encoders and decoders of the GPU bench, and what they and the driver say of themselves."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import torch

from stereocast.bench.gpu.parts import FRAME_NS, session_on
from stereocast.bench.gpu.plan import Size, attempted
from stereocast.bench.gpu.roofline import spread
from stereocast.engine.errors import StereocastError
from stereocast.engine.frame import Frame
from stereocast.engine.layout import Layout
from stereocast.engine.static import Place
from stereocast.runtime.encode import nvenc
from stereocast.runtime.encode.probe import EncoderSettings, choose_encoder
from stereocast.runtime.encode.probe import describe as describe_encoders
from stereocast.runtime.source import decode_probe, nvdec
from stereocast.runtime.source.chip import ROADS
from stereocast.runtime.source.file import FileSource
from stereocast.runtime.source.synthetic import SyntheticSource
from stereocast.runtime.threads import ThreadsConfig, usable_cores

_SCENE = 24
"""Pictures of the built-in scene that are repeated, forwards and backwards."""
_SETTLING = 5


def probes(place: Place) -> dict[str, object]:
    """Ask the driver and the units, and keep their answers word for word."""
    gpu = place.device.index or 0
    said: dict[str, object] = {
        f"{kind} {result.name}": ("works: " if result.works else "refuses: ") + result.detail
        for kind, ladder in (
            ("decoder", decode_probe.describe(gpu)),
            ("encoder", describe_encoders(_settings())),
        )
        for result in ladder
    }
    for name, ask in (("NVDEC", nvdec.capabilities), ("NVENC", nvenc.capabilities)):
        try:
            said[f"capabilities of {name}"] = ask(gpu)
        except StereocastError as error:
            said[f"capabilities of {name}"] = f"refuses: {error}"
    said["nvidia-smi"] = _nvidia_smi()
    return said


def encoders(place: Place, *, size: Size, frames: int, limit_s: float) -> dict[str, object]:
    """Time every encoder that works, on surfaces where the pipeline leaves them."""
    session = session_on(place, size)
    height, width = Layout.FULL_SBS.packed_size(*size)
    pictures = scene(size)
    works = [result.name for result in describe_encoders(_settings()) if result.works]
    found: dict[str, object] = {"packed": [height, width]}

    def timed(name: str) -> object:
        encoder = choose_encoder(
            [name], width=width, height=height, fps=60.0, settings=_settings()
        ).encoder
        samples, data, end = [], 0, time.monotonic() + limit_s / len(works)
        with closing(encoder):
            for index in range(frames + _SETTLING):
                stereo = session.step(
                    Frame(pictures[index % len(pictures)], index * FRAME_NS, index)
                )
                began = time.perf_counter()
                packet = encoder.encode(stereo, keyframe=index == 0)
                samples.append((time.perf_counter() - began) * 1e3)
                data += len(packet.data)
                if time.monotonic() > end and index > 2 * _SETTLING:
                    break
        mbit_s = data * 8 * 60 / len(samples) / 1e6
        return {"encode_ms": spread(samples[_SETTLING:]), "pictures": len(samples) - _SETTLING,
                "mbit_s_at_60": round(mbit_s, 1), "settings": encoder.description}  # fmt: skip

    for name in works:
        session.reset()
        found[name] = attempted(lambda name=name: timed(name))  # type: ignore[misc]
    return found


def decoders(place: Place, *, size: Size, frames: int, limit_s: float) -> dict[str, object]:
    """Time every road from a file to RGB on the place, hold its pictures against the CPU's."""
    found: dict[str, object] = {"size": list(size)}
    with tempfile.TemporaryDirectory(prefix="stereocast-bench-") as folder:
        film = _film(Path(folder) / "film.mp4", scene(size), frames)
        found["cpu"] = attempted(lambda: _read(FileSource(film), None, film, limit_s / 3))
        tried = {result.name: result for result in decode_probe.describe(place.device.index or 0)}
        for name, road in ROADS.items():
            if not tried[name].works:
                found[name] = {"remarks": tried[name].detail}
                continue
            found[name] = attempted(
                lambda road=road: _read(  # type: ignore[misc]
                    FileSource(film, road=road(place)), place, film, limit_s / 3
                )
            )
    return found


def _read(source: FileSource, place: Place | None, film: Path, limit_s: float) -> dict[str, object]:
    """Read a file to its end, then seek to its middle."""
    with closing(source), closing(FileSource(film)) as host:
        samples, end = [], time.monotonic() + limit_s
        frames = iter(source)
        first = next(frames)
        largest = int((first.rgb.to("cpu").int() - next(iter(host)).rgb.int()).abs().max())
        began = time.perf_counter()
        for _ in frames:
            if place is not None and place.device.type == "cuda":
                torch.cuda.synchronize(place.device)
            samples.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            if time.monotonic() > end:
                break
        began = time.perf_counter()
        next(source.seek((source.info.duration_ns or 0) / 2e9))
        seek_ms = (time.perf_counter() - began) * 1e3
    return {"ms": spread(samples), "pictures": len(samples) + 1, "seek_ms": round(seek_ms, 1),
            "largest_difference": largest, "remarks": list(source.remarks)}  # fmt: skip


def scene(size: Size, count: int = _SCENE) -> Sequence[torch.Tensor]:
    """Return pictures of the built-in scene that can be played round and round."""
    source = SyntheticSource(f"testsrc:?size={size[1]}x{size[0]}", frames=count)
    with closing(source):
        there = [frame.rgb for frame in islice(source, count)]
    return [*there, *there[-2:0:-1]]


def _film(path: Path, pictures: Sequence[torch.Tensor], frames: int) -> Path:
    """Write H.264 with B-frames, as films are."""
    height, width = pictures[0].shape[1:]
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.max_b_frames = 2
        stream.codec_context.time_base = Fraction(1, 30)
        for index in range(frames):
            array = pictures[index % len(pictures)].permute(1, 2, 0).contiguous().numpy()
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _settings() -> EncoderSettings:
    return EncoderSettings(threads=ThreadsConfig().resolved(usable_cores()).encode)


def _nvidia_smi() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return "nvidia-smi is not here"
    try:
        run = subprocess.run([program], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nvidia-smi: {error}"
    return (run.stdout + run.stderr).strip()
