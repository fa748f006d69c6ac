"""The child process that reads one live source: open, decode, leave the newest picture, tell.

    python -m stereocast.runtime.source.live.reader MEMORY_FD SOUND_FD   (a recipe in JSON on stdin)

What it tells is one JSON object a line on stdout, see events.py; sound goes to a socket of its own,
see runtime/sound/parcel.py. It ends when its stdin closes,
which is when its parent is gone, however that went. Imports no torch.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import av

from stereocast.engine.errors import StereocastError
from stereocast.runtime.sound.coder import coder_for
from stereocast.runtime.sound.sender import SoundSender
from stereocast.runtime.source.live.demux import LivePicture, OpenedStream, open_stream
from stereocast.runtime.source.live.events import Ended, Failed, Opened, Picture, tell
from stereocast.runtime.source.live.recipe import Recipe
from stereocast.runtime.source.live.slots import SlotPicture, SlotWriter

MOST_MEMORY_BYTES = 6 << 30
"""Of address space: what a decoder may be brought to ask for has an end."""


@dataclass(frozen=True)
class _Pictures:
    """An opened source, whatever its kind."""

    opened: Opened
    pictures: Iterator[LivePicture]


def _open(recipe: Recipe, sound: socket.socket | None) -> _Pictures:
    if recipe.kind == "zmq":
        from stereocast.runtime.source.live.pushed import PushedPictures

        pushed = PushedPictures(recipe.url)
        return _Pictures(Opened(fps=pushed.fps, ends=False, notes=()), iter(pushed))
    if recipe.kind == "web":
        from stereocast.runtime.source.live.web_video import find_video

        stream = open_stream(find_video(recipe))
    else:
        stream = open_stream(recipe)
    sender, notes = _sender(stream, sound)
    opened = Opened(
        stream.fps, stream.ends, (*stream.notes, *notes), sender.channels if sender else 0
    )
    return _Pictures(opened, stream.pictures(sender))


def _sender(
    stream: OpenedStream, out: socket.socket | None
) -> tuple[SoundSender | None, tuple[str, ...]]:
    """Return what sends the stream's sound, None where it has none or nobody wants it."""
    if stream.audio is None or out is None:
        return None, ()
    try:
        return SoundSender(coder_for(stream.audio), out), ()
    except (av.FFmpegError, ValueError) as error:
        return None, (f"no sound: {error}",)


def run(recipe: Recipe, memory: int, out: int, sound: socket.socket | None = None) -> int:
    """Read until the source ends or breaks; return the exit code."""
    writer = SlotWriter(memory)
    try:
        source = _open(recipe, sound)
        tell(out, source.opened)
        for number, live in enumerate(source.pictures, start=1):
            picture = SlotPicture(
                live.frame, number, live.pts_ns, live.t_capture_ns, live.rotation, live.aspect
            )
            writer.write(picture)
            tell(out, Picture(number, live.t_capture_ns))
    except StereocastError as error:
        tell(out, Failed(str(error)))
        return 1
    except MemoryError:
        tell(out, Failed(f"{recipe.shown}: needs more memory than a source may have"))
        return 1
    tell(out, Ended())
    return 0


def _leave_with_parent() -> None:
    """End this process when stdin closes, also where a read hangs in C."""

    def wait() -> None:
        while os.read(0, 4096):
            time.sleep(0)
        os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _first_line() -> str:
    """Read the recipe unbuffered: what follows is nobody's, and its end means the parent's."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode()


def main() -> None:
    """Read the job, and do it."""
    recipe = Recipe.from_json(_first_line())
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not be taken for an event
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _leave_with_parent()
    try:
        channel = int(sys.argv[2])
        sound = None if channel < 0 else socket.socket(fileno=channel)
        code = run(recipe, int(sys.argv[1]), out, sound)
    except BrokenPipeError:
        code = 0  # the parent is gone
    # Not sys.exit: threads of FFmpeg's protocols may never come back.
    os._exit(code)


if __name__ == "__main__":
    main()
