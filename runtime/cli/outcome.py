"""How a command ends: its exit code, the one line that says why, its notes and its report."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

import typer

from stereocast.engine.errors import ConfigError, StereocastError


class ExitCode(IntEnum):
    """What a script can tell from a command's exit code."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    PARTIAL = 3
    DEVICE_LOST = 70
    INTERRUPTED = 130


def complain(reason: object) -> None:
    """Print why a command did not do what was asked, as one line, whatever is in the reason.

    File names may hold line breaks and control characters; they come out as escapes.
    """
    text = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in " ".join(str(reason).splitlines())
    )
    print(f"stereocast: {text}", file=sys.stderr)


def say(notes: Iterable[str]) -> None:
    """Print what was decided on the user's behalf, one line each, beside the results."""
    for note in notes:
        typer.echo(f"note: {note}", err=True)


def check_report(path: Path | None) -> Path | None:
    """Return `path` if a report can be written there; raise ConfigError where it cannot.

    Commands call it first, so that no long work is done for nothing. A file that exists is replaced
    only if it is a .json file: a slip must not cost a film.
    """
    if path is None:
        return None
    place = f"--json {path}"
    if path.is_dir():
        raise ConfigError(f"{place}: is a folder; name a file")
    if not path.parent.is_dir():
        raise ConfigError(f"{place}: there is no folder {path.parent}; create it first")
    if path.is_file() and path.suffix.lower() != ".json":
        raise ConfigError(f"{place}: exists and is no .json file; name another")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{place}: is not writable; name another")
    return path


def write_json(path: Path | None, report: dict[str, object]) -> None:
    """Write a report, if a path was given. Raises StereocastError where that fails."""
    if check_report(path) is None or path is None:
        return
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    try:
        # File names need not be Unicode; what is not comes out as a JSON escape.
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StereocastError(f"{path}: cannot write the report: {error.strerror}") from None
