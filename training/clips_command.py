"""`python -m stereocast.training clips`: render what is learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from stereocast.engine.errors import ConfigError


def clips(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    first: Annotated[int, typer.Option(min=0, help="Seed of the first world.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many worlds, three clips of each.")] = 4000,
    size: Annotated[str, typer.Option(metavar="HxW", help="Size of the pictures.")] = "160x288",
    shard: Annotated[int, typer.Option(min=1, help="Worlds in a file.")] = 50,
    kind: Annotated[
        str | None, typer.Option(help="Only worlds of this kind.", show_default=False)
    ] = None,
) -> None:
    """Render clips of random worlds; shards that are there are not made again.

    \b
    python -m stereocast.training clips --out clips
    python -m stereocast.training clips --out held-out --first 900000 --count 64
    python -m stereocast.training clips --out clips --first 10000 --count 300 --kind thicket
    """
    from stereocast.training.progress import progress
    from stereocast.training.render import render_shards
    from stereocast.training.scenes import WorldClip

    height, by, width = size.partition("x")
    if not (by and height.isdecimal() and width.isdecimal()):
        raise ConfigError(f"--size is HEIGHTxWIDTH in pixels, such as 160x288, not '{size}'")
    torch.set_num_threads(1)
    with progress("worlds", count) as advance:
        render_shards(
            out,
            range(first, first + count),
            size=(int(height), int(width)),
            worlds=shard,
            world=lambda seed, tall, wide: WorldClip(seed, tall, wide, kind),
            told=lambda: advance(""),
        )
