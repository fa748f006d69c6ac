"""`stereocast keys FOLDER`: keys for streams that other machines may watch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def keys(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where to make the keys; must not hold any yet."),
    ],
) -> None:
    """Make keys for streams that other machines may watch.

    Two folders come out: one for the machine that streams, one to carry to the machine that
    watches. Only viewers with a key get in, and everything is encrypted (CURVE).

    \b
    Examples:
      stereocast keys keys
      stereocast live film.mp4 --address 'tcp://*:5570' --curve keys/server
      stereocast watch tcp://192.168.1.5:5570 --curve keys/client
    """
    from stereocast.runtime.curve import create_keys

    server, client = create_keys(folder)
    typer.echo(
        f"for `stereocast live --curve`:  {server}\nfor `stereocast watch --curve`: {client}"
    )
