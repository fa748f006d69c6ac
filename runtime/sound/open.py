"""Choosing the sound that belongs to a source."""

from __future__ import annotations

import av

from stereocast.engine.errors import StereocastError
from stereocast.runtime.sound.file import FileSound
from stereocast.runtime.sound.listener import Sound
from stereocast.runtime.sound.play_line import PlayLine
from stereocast.runtime.source import SoundedFile, SoundedSource, Source


def open_sound(source: Source, line: PlayLine) -> tuple[Sound | None, tuple[str, ...]]:
    """Return a source's sound, None where it has none, and what a person should know of that.

    line  where the playing of a file stands
    Never raises for what is wrong with the sound: the pictures go on without it.
    """
    if isinstance(source, SoundedSource):
        return source.sound(), ()
    if not isinstance(source, SoundedFile) or source.audio_codec is None:
        return None, ()
    try:
        sound = FileSound(source.path, line)
    except (av.FFmpegError, StereocastError, ValueError) as error:
        return None, (f"no sound: {error}",)
    how = "copied" if sound.copies else f"coded anew as Opus from {source.audio_codec}"
    return sound, (f"sound: {how}",)
