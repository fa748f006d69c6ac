"""`stereocast keys FOLDER`: keys for streams that other machines may watch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def keys(
    folder: Annotated[Path, typer.Argument(help="Where to make the keys; must not hold any yet.")],
) -> None:
    """Make CURVE keys, so that only viewers you chose can watch a stream off this machine.

    Two folders come out: one for the machine that streams, one to carry to the machine that
    watches.

    \b
    stereocast keys keys
    stereocast live film.mp4 --address 'tcp://*:5570' --curve keys/server
    stereocast watch tcp://192.168.1.5:5570 --curve keys/client
    """
    from stereocast.runtime.curve import create_keys

    server, client = create_keys(folder)
    typer.echo(
        f"for `stereocast live --curve`:  {server}\nfor `stereocast watch --curve`: {client}"
    )
